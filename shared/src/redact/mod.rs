//! What may leave for a third party: text with the personal data replaced by placeholders.
//!
//! A port to a third party takes [`RedactedText`] and nothing else, and [`redact`] is the only way
//! to make one. Placeholders are `[EMAIL_1]`, `[PHONE_1]`, `[CARD_1]`: the same value has the same
//! number throughout one text, so that what is said of it still makes sense. Numbers mean nothing
//! across texts.
//!
//! Each class has a detector, a plain function that finds [`Span`]s, and stands in [`DETECTORS`].
//! Spans that overlap become one placeholder, so that no part of a value is left over.

mod card;
mod digits;
mod email;
mod phone;

use std::collections::HashMap;
use std::fmt;

/// Text without the personal data that we detect.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedText(String);

impl RedactedText {
    /// The text, for the port that sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is anything but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// Its length only: what was not detected is still a user's text.
impl fmt::Debug for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedactedText({} bytes)", self.0.len())
    }
}

/// A class of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// An email address.
    Email,
    /// The number of a payment card.
    Card,
    /// A phone number.
    Phone,
}

impl Class {
    /// As Presidio calls it, and as it stands in the audit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "EMAIL_ADDRESS",
            Self::Card => "CREDIT_CARD",
            Self::Phone => "PHONE_NUMBER",
        }
    }

    /// As it stands in a placeholder.
    fn label(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Card => "CARD",
            Self::Phone => "PHONE",
        }
    }

    /// The value however it was written, so that two spellings have one number.
    fn canonical(self, value: &str) -> String {
        match self {
            Self::Email => value.to_lowercase(),
            Self::Card | Self::Phone => value.chars().filter(char::is_ascii_digit).collect(),
        }
    }
}

/// Where something was found: byte offsets, at the borders of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    class: Class,
    start: usize,
    end: usize,
}

/// Finds the spans of one class, in time that grows with the text's length and no faster.
type Detector = fn(&str) -> Vec<Span>;

/// All of them; where spans overlap, the class of the one that stands first here wins.
const DETECTORS: [Detector; 3] = [email::find, card::find, phone::find];

/// Replaces what the detectors find.
pub fn redact(raw: &str) -> RedactedText {
    let spans = merged(DETECTORS.iter().map(|find| find(raw)));
    let mut text = String::with_capacity(raw.len());
    let mut numbers: HashMap<(Class, String), usize> = HashMap::new();
    let mut used: HashMap<Class, usize> = HashMap::new();
    let mut copied = 0;
    for span in spans {
        let value = raw.get(span.start..span.end).unwrap_or_default();
        let number = *numbers
            .entry((span.class, span.class.canonical(value)))
            .or_insert_with(|| {
                let last = used.entry(span.class).or_default();
                *last += 1;
                *last
            });
        text.push_str(raw.get(copied..span.start).unwrap_or_default());
        text.push_str(&format!("[{}_{number}]", span.class.label()));
        copied = span.end;
    }
    text.push_str(raw.get(copied..).unwrap_or_default());
    RedactedText(text)
}

/// In order of place, without overlaps: those that overlap become one that covers all of them.
fn merged(found: impl Iterator<Item = Vec<Span>>) -> Vec<Span> {
    let mut spans: Vec<(usize, Span)> = found
        .enumerate()
        .flat_map(|(rank, spans)| spans.into_iter().map(move |span| (rank, span)))
        .collect();
    spans.sort_unstable_by_key(|(rank, span)| (span.start, *rank));
    let mut merged: Vec<(usize, Span)> = Vec::with_capacity(spans.len());
    for (rank, span) in spans {
        match merged.last_mut() {
            Some((best, last)) if span.start < last.end => {
                last.end = last.end.max(span.end);
                if rank < *best {
                    *best = rank;
                    last.class = span.class;
                }
            }
            _ => merged.push((rank, span)),
        }
    }
    merged.into_iter().map(|(_, span)| span).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(raw: &str) -> String {
        redact(raw).0
    }

    #[test]
    fn the_same_value_has_the_same_number_however_it_is_written() {
        assert_eq!(
            redacted("Ann@X.org, bob@x.org, ann@x.org; (415) 555-0132 or 415-555-0132"),
            "[EMAIL_1], [EMAIL_2], [EMAIL_1]; [PHONE_1] or [PHONE_1]"
        );
    }

    #[test]
    fn all_classes_stand_side_by_side_in_any_script() {
        assert_eq!(
            redacted("Жанна → zhanna@почта.рф, 电话 +49 30 1234567，карта 4012-8888-8888-1881。"),
            "Жанна → [EMAIL_1], 电话 [PHONE_1]，карта [CARD_1]。"
        );
    }

    #[test]
    fn text_without_any_is_left_alone_and_so_is_redacted_text() {
        for text in [
            "",
            "Ünïcode 🦀, and no more",
            "[EMAIL_1] called [PHONE_2] about [CARD_1]",
        ] {
            assert_eq!(redacted(text), text);
        }
    }

    #[test]
    fn what_overlaps_is_covered_whole_by_the_class_of_the_first_detector() {
        let span = |class, start, end| Span { class, start, end };
        let email = vec![span(Class::Email, 4, 9)];
        let phone = vec![span(Class::Phone, 0, 6), span(Class::Phone, 9, 12)];
        assert_eq!(
            merged([email, phone].into_iter()),
            [span(Class::Email, 0, 9), span(Class::Phone, 9, 12)]
        );
        // A card's digits before the sign are the address's, and nothing of either is left.
        assert_eq!(redacted("4012888888881881@x.org"), "[EMAIL_1]");
    }

    #[test]
    fn it_does_not_print() {
        assert_eq!(format!("{:?}", redact("secret")), "RedactedText(6 bytes)");
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for unit in [
            "a@", "4", "4 ", "4-", "+1", "(4", "a.", "@a.", "555-", "1 (415) ",
        ] {
            let text = unit.repeat(50_000);
            let start = std::time::Instant::now();
            redact(&text);
            assert!(start.elapsed().as_secs() < 5, "{unit}");
        }
    }
}
