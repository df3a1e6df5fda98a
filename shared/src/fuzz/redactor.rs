//! Redaction.

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

    let once = redactor.redact(&text);
    check_output(&text, &spans, once.as_str());
    // With the classes that are off by default, what is left of a URL is another URL.
    if choice & 3 == 0 {
        let twice = redactor.redact(once.as_str());
        assert_eq!(twice.as_str(), once.as_str(), "redacted once more");
    }
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

/// What is outside the spans stands as it was; what is inside became a placeholder.
fn check_output(text: &str, spans: &[Span], output: &str) {
    let (mut rest, mut place) = (output, 0);
    let mut spans = spans.iter().peekable();
    while let Some(span) = spans.next() {
        let mut end = span.end;
        while let Some(next) = spans.next_if(|next| next.start < end) {
            end = end.max(next.end);
        }
        let kept = text.get(place..span.start).unwrap_or_default();
        let behind = rest
            .strip_prefix(kept)
            .and_then(|rest| rest.strip_prefix('['));
        let Some((placeholder, behind)) = behind.and_then(|rest| rest.split_once(']')) else {
            assert_eq!(output, text, "what is outside the spans was changed");
            return;
        };
        let (label, number) = placeholder.rsplit_once('_').unwrap_or_default();
        assert!(
            label
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
        );
        assert!(
            number.parse::<u32>().is_ok_and(|number| number > 0),
            "{placeholder}"
        );
        (rest, place) = (behind, end);
    }
    assert_eq!(Some(rest), text.get(place..));
}
