//! The encodings that a bound is proven for.

/// A byte-pair encoding of OpenAI: its pattern cuts a text into pieces, its vocabulary cuts a piece into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// GPT-3.5 and GPT-4; Llama 3's has the same pattern and the same first 100,000 tokens.
    Cl100k,
    /// GPT-4o and later.
    O200k,
}

impl Encoding {
    pub(super) const ALL: [Self; 2] = [Self::Cl100k, Self::O200k];

    /// Its place in what the vocabulary has of each encoding.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Cl100k => 0,
            Self::O200k => 1,
        }
    }
}
