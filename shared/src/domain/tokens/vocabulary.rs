//! What we know of the encodings' vocabularies: the tokens of the lowest ranks, with rank, and a choice of others.
//!
//! Two hash tables, laid out at development time (`generate.rs`) and compiled in as they are, numbers in little-endian:
//!
//! - `words.bin`: `[u16; WORD_BUCKETS + 1]`, the number of the first word of each bucket; then a `u64` per word: up to 11
//!   letters of 5 bits each, and in the low byte a bit per form and encoding in which the word is one token.
//! - `pieces.bin`: `[u32; PIECE_BUCKETS + 1]`, the place of the first record of each bucket; then records: length
//!   (`u8`), the rank in either encoding (`u16`), the bytes.

use super::encoding::Encoding;

static WORDS: &[u8] = include_bytes!("words.bin");
static PIECES: &[u8] = include_bytes!("pieces.bin");

/// Logarithms of the number of buckets.
pub(super) const WORD_BUCKETS: u32 = 13;
pub(super) const PIECE_BUCKETS: u32 = 12;
/// Of a record: its length and two ranks.
const RECORD_HEAD: usize = 5;

/// The most letters of a word in `words.bin`.
const LETTERS: usize = 11;

/// Not a token, or of a rank that is not known.
pub(super) const NONE: u16 = u16::MAX - 1;
/// In `pieces.bin`: not a token, or not known to be one. One that is a token and has no rank there has [`NONE`].
pub(super) const NO_TOKEN: u16 = u16::MAX;

/// Whether `bytes` are known to be one token. A token that is not in the tables is told as none.
pub(super) fn is_token(encoding: Encoding, bytes: &[u8]) -> bool {
    match Word::of(bytes) {
        Some(word) => word.is_token(encoding),
        None => piece(encoding, bytes) < NO_TOKEN,
    }
}

/// The rank of `bytes` if it is one of the lowest of `encoding`, else [`NONE`].
pub(super) fn rank(encoding: Encoding, bytes: &[u8]) -> u16 {
    piece(encoding, bytes).min(NONE)
}

/// ASCII letters in one of four forms: with a space before them or not, with a capital in front or not.
pub(super) struct Word {
    pub(super) letters: u64,
    pub(super) form: u32,
}

impl Word {
    /// None if the bytes have another form, or too many letters.
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let (space, bytes) = match bytes {
            [b' ', word @ ..] => (1, word),
            word => (0, word),
        };
        let (first, others) = bytes.split_first()?;
        if !first.is_ascii_alphabetic() || others.len() >= LETTERS {
            return None;
        }
        let mut letters = u64::from(first & 31);
        for letter in others {
            if !letter.is_ascii_lowercase() {
                return None;
            }
            letters = letters << 5 | u64::from(letter & 31);
        }
        let capital = u32::from(first.is_ascii_uppercase());
        Some(Self {
            letters,
            form: space + 2 * capital,
        })
    }

    /// Its bit in a word's low byte.
    pub(super) fn bit(&self, encoding: Encoding) -> u64 {
        1 << (self.form as usize + 4 * encoding.index())
    }

    pub(super) fn bucket(&self) -> usize {
        (self.letters.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - WORD_BUCKETS)) as usize
    }

    fn is_token(&self, encoding: Encoding) -> bool {
        self.forms() & self.bit(encoding) > 0
    }

    /// Whether it is one token in either encoding.
    pub(super) fn is_token_in_both(&self) -> bool {
        let forms = self.forms();
        Encoding::ALL
            .into_iter()
            .all(|encoding| forms & self.bit(encoding) > 0)
    }

    /// The low byte of its entry, or 0.
    fn forms(&self) -> u64 {
        let bucket = self.bucket();
        let (starts, words) = WORDS.split_at(2 * ((1 << WORD_BUCKETS) + 1));
        let start = |bucket: usize| usize::from(u16_at(starts, 2 * bucket));
        words[8 * start(bucket)..8 * start(bucket + 1)]
            .as_chunks::<8>()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .find(|word| word >> 8 == self.letters)
            .map_or(0, |word| word & 0xff)
    }
}

/// The bucket of a record.
pub(super) fn piece_bucket(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(0_u64, |hash, byte| {
        (hash ^ u64::from(*byte))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PIECE_BUCKETS)) as usize
}

/// What `pieces.bin` says of `bytes`: a rank, [`NONE`] or [`NO_TOKEN`].
fn piece(encoding: Encoding, bytes: &[u8]) -> u16 {
    let bucket = piece_bucket(bytes);
    let (starts, records) = PIECES.split_at(4 * ((1 << PIECE_BUCKETS) + 1));
    let mut records = &records[u32_at(starts, 4 * bucket)..u32_at(starts, 4 * (bucket + 1))];
    while let Some(length) = records.first() {
        let length = usize::from(*length);
        let end = RECORD_HEAD + length;
        if length == bytes.len() && records[RECORD_HEAD..end] == *bytes {
            return u16_at(records, 1 + 2 * encoding.index());
        }
        records = &records[end..];
    }
    NO_TOKEN
}

fn u16_at(bytes: &[u8], place: usize) -> u16 {
    u16::from_le_bytes([bytes[place], bytes[place + 1]])
}

fn u32_at(bytes: &[u8], place: usize) -> usize {
    u32::from_le_bytes([
        bytes[place],
        bytes[place + 1],
        bytes[place + 2],
        bytes[place + 3],
    ]) as usize
}
