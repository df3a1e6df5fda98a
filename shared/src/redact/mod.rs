//! What may leave for a third party: text with the personal data replaced by placeholders.
//!
//! A port to a third party takes [`RedactedText`] and nothing else, and a [`Redactor`] is the only one who
//! makes it. Placeholders are `[EMAIL_1]`, `[PHONE_1]`, `[CARD_1]`: the same value has the same number
//! throughout one text, or one session ([`Numbers`]), so that what is said of it still makes sense.
//!
//! A text is looked through once ([`survey`]) to learn which detectors ([`find`]) have anything to find in
//! it; what looks like ASCII and is not is folded first ([`fold`]). Spans that overlap become one
//! placeholder, so that no part of a value is left over ([`spans`]).

mod class;
mod config;
mod find;
mod fold;
mod numbers;
mod redactor;
mod spans;
mod survey;

use std::fmt;

pub use class::{Class, Classes};
pub use config::{Allowed, Config, Pattern};
pub use numbers::{Finding, HashKey, Numbers};
pub use redactor::{Redacted, Redactor};
pub use spans::Span;

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

/// Redacts a text by itself, with the default classes.
pub fn redact(raw: &str) -> RedactedText {
    Redactor::default().redact(raw)
}

#[cfg(test)]
mod tests;
