//! One line in, one line out.

use std::borrow::Cow;

use memory_orchestrator::redact::Redactor;
use serde::{Deserialize, Serialize};

/// A line that is read; whatever else it has is passed over.
#[derive(Deserialize)]
struct Given<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Answer<'a> {
    text: &'a str,
    spans: Vec<Place<'a>>,
}

/// Code points of the text that was given.
#[derive(Serialize)]
struct Place<'a> {
    class: &'a str,
    start: usize,
    end: usize,
}

/// The answer to a line, with its line end.
pub(super) fn answer(redactor: &Redactor, line: &str) -> Result<String, serde_json::Error> {
    let Given { text } = serde_json::from_str(line)?;
    let mut counted = Counted {
        text: &text,
        at: 0,
        points: 0,
    };
    let spans = redactor.find(&text).into_iter();
    let spans = spans.map(|span| Place {
        class: redactor.name(span.class),
        start: counted.points(span.start),
        end: counted.clone().points(span.end),
    });
    let spans = spans.collect();
    let redacted = redactor.redact(&text);
    let answer = Answer {
        text: redacted.as_str(),
        spans,
    };
    Ok(serde_json::to_string(&answer)? + "\n")
}

/// Counts code points up to a byte, going on from where it was: spans come in order of place.
#[derive(Clone)]
struct Counted<'a> {
    text: &'a str,
    at: usize,
    points: usize,
}

impl Counted<'_> {
    fn points(&mut self, at: usize) -> usize {
        let passed = self.text.get(self.at..at).unwrap_or_default();
        self.points += passed.chars().count();
        self.at = at.max(self.at);
        self.points
    }
}

#[cfg(test)]
mod tests {
    use memory_orchestrator::redact::{Classes, Config};
    use serde_json::Value;

    use super::*;

    #[test]
    fn places_are_code_points_of_the_given_text() {
        let line = r#"{"id": 7, "text": "é🦀 \"ann@x.org\", 10.0.0.1"}"#;
        let answer = answer(&Redactor::default(), line).unwrap();
        assert_eq!(
            answer,
            concat!(
                r#"{"text":"é🦀 \"[EMAIL_1]\", [IP_1]","spans":["#,
                r#"{"class":"EMAIL_ADDRESS","start":4,"end":13},"#,
                r#"{"class":"IP_ADDRESS","start":16,"end":24}]}"#,
                "\n"
            )
        );
    }

    #[test]
    fn every_reading_of_a_number_is_told_and_it_is_replaced_once() {
        let redactor = Redactor::new(Config {
            classes: Classes::all(),
            by_shape: true,
            ..Config::default()
        });
        let answer = answer(&redactor, r#"{"text":"219099998"}"#).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["text"], "[SSN_1]");
        let classes: Vec<_> = answer["spans"]
            .as_array()
            .unwrap()
            .iter()
            .map(|span| &span["class"])
            .collect();
        assert_eq!(classes, ["US_SSN", "US_PASSPORT", "US_BANK_NUMBER"]);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for line in ["", "{}", r#"{"text": 1}"#, "text"] {
            assert!(answer(&Redactor::default(), line).is_err(), "{line}");
        }
    }
}
