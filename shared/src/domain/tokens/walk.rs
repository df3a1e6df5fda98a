//! Reads a text once, for both encodings.

use super::encoding::Encoding;
use super::split;
use super::vocabulary::Word;

/// How far a text is read in either encoding, and what it costs up to there.
pub(super) struct Walk<'a> {
    text: &'a str,
    ends: [usize; 2],
    totals: [u32; 2],
}

impl<'a> Walk<'a> {
    pub(super) fn over(text: &'a str) -> Self {
        Self {
            text,
            ends: [0; 2],
            totals: [0; 2],
        }
    }

    /// Goes on by a piece, in the encoding that is behind; false at the end of the text.
    pub(super) fn step(&mut self) -> bool {
        if self.end() == self.text.len() {
            return false;
        }
        if self.ends[0] == self.ends[1]
            && let Some(length) = plain_word(&self.text.as_bytes()[self.ends[0]..])
        {
            self.ends = self.ends.map(|end| end + length);
            self.totals = self.totals.map(|total| total + 1);
            return true;
        }
        let behind = if self.ends[0] <= self.ends[1] {
            Encoding::Cl100k
        } else {
            Encoding::O200k
        };
        let piece = split::first_piece(behind, &self.text[self.ends[behind.index()]..]);
        self.ends[behind.index()] += piece.len();
        self.totals[behind.index()] += piece.bound(behind);
        true
    }

    /// Up to here the text is read in both encodings.
    pub(super) fn end(&self) -> usize {
        self.ends[0].min(self.ends[1])
    }

    /// The greater of both bounds of what was read.
    pub(super) fn tokens(&self) -> u32 {
        self.totals[0].max(self.totals[1])
    }

    /// The bounds of what was read, by the encodings' places.
    pub(super) fn totals(&self) -> [u32; 2] {
        self.totals
    }

    /// The bound in one encoding.
    #[cfg(test)]
    pub(super) fn total(&self, encoding: Encoding) -> u32 {
        self.totals[encoding.index()]
    }
}

/// The length of the word that `bytes` begin with, if it is the first piece in either encoding, and one token in both. Most
/// of most texts are such words, and reading them once is twice as fast.
fn plain_word(bytes: &[u8]) -> Option<usize> {
    let first = usize::from(bytes.first() == Some(&b' '));
    let small = bytes
        .get(first + 1..)?
        .iter()
        .take_while(|byte| byte.is_ascii_lowercase());
    let length = first + 1 + small.count();
    // A letter would go on with the word, an apostrophe might, and beyond ASCII there may be a letter.
    let ends = match bytes.get(length) {
        Some(next) => next.is_ascii() && !next.is_ascii_alphabetic() && *next != b'\'',
        None => true,
    };
    (ends && Word::of(&bytes[..length])?.is_token_in_both()).then_some(length)
}
