//! The way from a text to a redacted one.

use super::RedactedText;
use super::class::Class;
use super::config::Config;
use super::find;
use super::fold::Folded;
use super::numbers::{Finding, Numbers};
use super::spans::{Found, Span, merged};
use super::survey::{Traits, survey};

/// Redacts by a deployment's configuration. It has nothing to compile or load, so that making one costs
/// nothing.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    config: Config,
}

/// A text that was redacted, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// What may leave.
    pub text: RedactedText,
    /// Each value once, for the audit; empty when nothing was replaced.
    pub findings: Vec<Finding>,
}

impl Redactor {
    /// One for this configuration.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// What there is in a text, in order of place. Spans may overlap, where there are several readings.
    pub fn find(&self, raw: &str) -> Vec<Span> {
        let mut spans = self.read(raw);
        if !self.config.allow.is_empty() {
            spans.retain(|span| {
                let value = raw.get(span.start..span.end).unwrap_or_default();
                !self.config.allow.has(span.class, value)
            });
        }
        spans
    }

    /// The text by itself: numbers begin at 1.
    pub fn redact(&self, raw: &str) -> RedactedText {
        self.redact_with(raw, &mut Numbers::default()).text
    }

    /// The text as one of a session's: what was numbered before keeps its number.
    pub fn redact_with(&self, raw: &str, numbers: &mut Numbers) -> Redacted {
        let mut text = String::with_capacity(raw.len());
        let mut findings: Vec<Finding> = Vec::new();
        let mut copied = 0;
        for span in merged(self.find(raw)) {
            let value = raw.get(span.start..span.end).unwrap_or_default();
            let value = match Folded::of(value) {
                Some(folded) => span.class.canonical(&folded.text),
                None => span.class.canonical(value),
            };
            let (number, hash) = numbers.of(self.name(span.class), value);
            text.push_str(raw.get(copied..span.start).unwrap_or_default());
            text.push_str(&format!("[{}_{number}]", self.label(span.class)));
            copied = span.end;
            if let Some(hash) = hash {
                match findings.iter_mut().find(|finding| finding.hash == hash) {
                    Some(finding) => finding.count += 1,
                    None => findings.push(Finding {
                        class: self.name(span.class).to_owned(),
                        number,
                        count: 1,
                        hash,
                    }),
                }
            }
        }
        text.push_str(raw.get(copied..).unwrap_or_default());
        Redacted {
            text: RedactedText(text),
            findings,
        }
    }

    /// The name of a class, custom ones included.
    pub fn name(&self, class: Class) -> &str {
        match class {
            Class::Custom(place) => {
                let pattern = self.config.custom.get(usize::from(place));
                pattern.map_or("CUSTOM", |pattern| pattern.name())
            }
            class => class.name(),
        }
    }

    fn label(&self, class: Class) -> &str {
        match class {
            Class::Custom(_) => self.name(class),
            class => class.label(),
        }
    }

    /// Reads the text as it is, and where it has look-alikes, folded instead.
    fn read(&self, raw: &str) -> Vec<Span> {
        let traits = survey(raw);
        let folded = if traits.has(Traits::WIDE) {
            Folded::of(raw)
        } else {
            None
        };
        let Some(folded) = folded else {
            return self.detect(raw, traits);
        };
        let mut spans = self.detect(&folded.text, survey(&folded.text));
        for span in &mut spans {
            (span.start, span.end) = folded.unfold(span.start, span.end);
        }
        spans
    }

    fn detect(&self, text: &str, traits: Traits) -> Vec<Span> {
        let mut found = Found::new(self.config.classes, self.config.by_shape);
        find::run(text, traits, self.config.classes, &mut found);
        for (place, pattern) in (0..).zip(&self.config.custom) {
            for (start, end) in pattern.places(text) {
                found.add(Class::Custom(place), start, end);
            }
        }
        found.spans()
    }
}
