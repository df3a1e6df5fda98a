//! What the port takes.

use std::fmt;
use std::sync::Arc;

use crate::redact::{Numbers, RawText, RedactedText, Redactor};

/// What a provider may see.
#[derive(Debug, Clone)]
pub(super) enum Sight {
    /// All that is said: it is the team's own.
    Everything,
    /// What a redactor lets pass.
    Redacted(Arc<Redactor>),
}

/// A text that its provider may see. Only an [`Embedder`](super::Embedder) makes one of what users said,
/// by what its provider is trusted with; what is redacted anyway may go to any of them.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddableText {
    text: String,
    /// Made for a trusted provider, and for no other.
    pub(super) is_raw: bool,
}

impl EmbeddableText {
    /// Words of our own, which no user said.
    pub fn ours(words: &'static str) -> Self {
        RedactedText::ours(words).into()
    }

    /// The text, for what is made of it: a request, the name of a cached vector.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<RedactedText> for EmbeddableText {
    fn from(text: RedactedText) -> Self {
        Self {
            text: text.as_str().to_owned(),
            is_raw: false,
        }
    }
}

/// Its length only.
impl fmt::Debug for EmbeddableText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmbeddableText({} bytes)", self.text.len())
    }
}

impl Sight {
    /// What of a text may be seen, numbered with what was numbered before.
    pub(super) fn of(&self, raw: &RawText, numbers: &mut Numbers) -> EmbeddableText {
        match self {
            Self::Everything => EmbeddableText {
                text: raw.expose().to_owned(),
                is_raw: true,
            },
            Self::Redacted(redactor) => redactor.redact_with(raw.expose(), numbers).text.into(),
        }
    }
}
