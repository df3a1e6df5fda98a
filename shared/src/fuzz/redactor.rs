//! Redaction.

use std::ops::Range;

use crate::redact::{Allowed, Classes, Config, Pattern, Redactor, Span};

/// A byte that chooses the configuration, and a text.
pub fn redactor(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(text);
    let redactor = Redactor::new(config(*choice));
    let spans = redactor.find(&text);
    check_spans(&text, &spans);

    let output = redactor.redact(&text);
    let output = output.as_str();
    let placeholders = placeholders(&text, &spans, output);
    // What it wrote itself it leaves alone. (Of the rest it may see more when it looks again: what stood beside a value and
    // was hidden by it, as in `token:10.0.0.1`.)
    let written: Vec<_> = placeholders
        .iter()
        .filter_map(|place| output.get(place.clone()))
        .collect();
    let written = written.join(", ");
    assert_eq!(redactor.redact(&written).as_str(), written);
}

fn config(choice: u8) -> Config {
    let mut config = Config {
        classes: if choice & 1 == 0 {
            Classes::default()
        } else {
            Classes::all()
        },
        by_shape: choice & 2 != 0,
        ..Config::default()
    };
    if choice & 4 != 0 {
        config.custom = Pattern::parse("EMPLOYEE_ID=EMP-\\d{6}").unwrap_or_default();
        config.allow = Allowed::parse("help@example.org,@example.com,+1 415 555 0132");
    }
    config
}

/// In order, of characters, and not empty.
fn check_spans(text: &str, spans: &[Span]) {
    assert!(spans.is_sorted_by_key(|span| span.start));
    for span in spans {
        assert!(span.start < span.end);
        assert!(text.get(span.start..span.end).is_some(), "{span:?}");
    }
}

/// Where the placeholders are. What is outside the spans stands as it was; each span, with those that it overlaps, is one
/// placeholder.
fn placeholders(text: &str, spans: &[Span], output: &str) -> Vec<Range<usize>> {
    let (mut places, mut copied) = (Vec::new(), 0);
    let mut read = 0;
    let mut spans = spans.iter().peekable();
    while let Some(span) = spans.next() {
        let mut end = span.end;
        while let Some(next) = spans.next_if(|next| next.start < end) {
            end = end.max(next.end);
        }
        let kept = text.get(copied..span.start).unwrap_or_default();
        assert!(
            output[read..].starts_with(kept),
            "what is outside the spans was changed"
        );
        let start = read + kept.len();
        let length = output[start..].find(']').map_or(0, |at| at + 1);
        let placeholder = output.get(start..start + length).unwrap_or_default();
        assert!(is_placeholder(placeholder), "{placeholder:?}");
        (copied, read) = (end, start + length);
        places.push(start..read);
    }
    assert_eq!(output.get(read..), text.get(copied..));
    places
}

/// `[EMAIL_1]`
fn is_placeholder(text: &str) -> bool {
    let name = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    name.and_then(|name| name.rsplit_once('_'))
        .is_some_and(|(label, number)| {
            label
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
                && number.parse::<u32>().is_ok_and(|number| number > 0)
        })
}
