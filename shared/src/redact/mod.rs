//! What may leave for a third party: text with the personal data replaced by placeholders.
//!
//! What users said is [`RawText`], which cannot be printed. A port to a third party takes [`RedactedText`]
//! (that of embeddings: what its provider may see, `EmbeddableText`), and a [`Redactor`] makes it of the
//! other. Placeholders are `[EMAIL_1]`, `[PHONE_1]`, `[CARD_1]`: the same value has the same number
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
mod raw;
mod redactor;
mod spans;
mod survey;

use std::fmt;

pub use class::{Class, Classes};
pub use config::{Allowed, Config, Pattern};
pub use numbers::{Finding, HashKey, Numbers};
pub use raw::RawText;
pub use redactor::{Redacted, Redactor};
pub use spans::Span;

/// Text without the personal data that we detect.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactedText(String);

impl RedactedText {
    /// Words of our own, which no user said.
    pub fn ours(words: &'static str) -> Self {
        Self(words.to_owned())
    }

    /// The text, for the port that sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is anything but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The text with `[EMAIL]` for `[EMAIL_7]`: what it says wherever it was numbered.
    pub fn unnumbered(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        let mut rest = self.0.as_str();
        while let Some((before, after)) = rest.split_once('[') {
            text.push_str(before);
            text.push('[');
            rest = after;
            if let Some((label, end)) = placeholder(after) {
                text.push_str(label);
                rest = end;
            }
        }
        text.push_str(rest);
        text
    }
}

/// Of `EMAIL_7] and so on`, the label and what follows the number.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, _) = text.split_once(']')?;
    let (label, number) = name.rsplit_once('_')?;
    let is_label = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_one = !label.is_empty()
        && label.bytes().all(is_label)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| (label, text.get(name.len()..).unwrap_or_default()))
}

/// Its length only: what was not detected is still a user's text.
impl fmt::Debug for RedactedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedactedText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
