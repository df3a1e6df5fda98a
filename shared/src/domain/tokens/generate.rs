//! Makes the two tables of `vocabulary.rs` from the vocabularies themselves, which the tests' tokeniser carries.
//!
//! To choose anew: `cargo test -p memory-orchestrator tokens::generate -- --ignored`.

use std::collections::BTreeMap;

use tiktoken_rs::CoreBPE;

use super::encoding::Encoding;
use super::vocabulary::{NO_TOKEN, NONE, PIECE_BUCKETS, WORD_BUCKETS, Word, piece_bucket};

/// Ranks below this one are known, all of them.
const RANKS: u16 = 4000;
/// Words in `words.bin`.
const WORDS: usize = 30_000;
/// Of `cl100k_base` the tokens that Llama 3 has, too.
const SHARED_WITH_LLAMA: u32 = 100_000;

/// A token's rank in either encoding.
type Ranks = [Option<u32>; 2];

fn vocabularies() -> BTreeMap<Vec<u8>, Ranks> {
    let sizes = [SHARED_WITH_LLAMA, 199_998];
    let mut tokens: BTreeMap<Vec<u8>, Ranks> = BTreeMap::new();
    for encoding in Encoding::ALL {
        let tokeniser = tokeniser(encoding);
        for rank in 0..sizes[encoding.index()] {
            let bytes = tokeniser.decode_bytes(&[rank]).unwrap();
            tokens.entry(bytes).or_default()[encoding.index()] = Some(rank);
        }
    }
    tokens
}

pub(super) fn tokeniser(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        Encoding::O200k => tiktoken_rs::o200k_base_singleton(),
    }
}

fn has_known_rank(ranks: &Ranks) -> bool {
    ranks.iter().flatten().any(|rank| *rank < u32::from(RANKS))
}

/// Those first that English text has most of: `cl100k_base` decides more often than `o200k_base` how long a
/// prompt may be, its ranks are more English, and a word inside a text has a space before it.
fn words(tokens: &BTreeMap<Vec<u8>, Ranks>) -> Vec<u8> {
    let mut words: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
    for (bytes, ranks) in tokens {
        let Some(word) = Word::of(bytes) else {
            continue;
        };
        let has_space = bytes.starts_with(b" ");
        let place = |encoding: Encoding, weight: u32, inside: u32| {
            let rank = ranks[encoding.index()]?;
            Some(rank * weight + if has_space { 0 } else { inside })
        };
        let place = [
            place(Encoding::Cl100k, 1, 30_000),
            place(Encoding::O200k, 3, 50_000),
        ];
        let place = if has_known_rank(ranks) {
            Some(0)
        } else {
            place.into_iter().flatten().min()
        };
        let place = place.unwrap_or_default();
        let forms = Encoding::ALL
            .into_iter()
            .filter(|encoding| ranks[encoding.index()].is_some())
            .fold(0, |forms, encoding| forms | word.bit(encoding));
        let entry = words.entry(word.letters).or_insert((0, place));
        *entry = (entry.0 | forms, entry.1.min(place));
    }
    let mut chosen: Vec<(u64, (u64, u32))> = words.into_iter().collect();
    chosen.sort_by_key(|(letters, (_, place))| (*place, *letters));
    chosen.truncate(WORDS);

    let mut buckets = vec![Vec::new(); 1 << WORD_BUCKETS];
    for (letters, (forms, _)) in chosen {
        let bucket = Word { letters, form: 0 }.bucket();
        buckets[bucket].extend((letters << 8 | forms).to_le_bytes());
    }
    laid_out(&buckets, |bytes| {
        u16::try_from(bytes / 8).unwrap().to_le_bytes().to_vec()
    })
}

fn pieces(tokens: &BTreeMap<Vec<u8>, Ranks>) -> Vec<u8> {
    let mut buckets = vec![Vec::new(); 1 << PIECE_BUCKETS];
    for (bytes, ranks) in tokens {
        if !has_known_rank(ranks) && !is_worth_a_record(bytes, ranks) {
            continue;
        }
        let bucket = &mut buckets[piece_bucket(bytes)];
        bucket.push(bytes.len() as u8);
        for rank in ranks {
            let rank = match rank {
                None => NO_TOKEN,
                Some(rank) if *rank < u32::from(RANKS) => *rank as u16,
                Some(_) => NONE,
            };
            bucket.extend(rank.to_le_bytes());
        }
        bucket.extend(bytes);
    }
    laid_out(&buckets, |bytes| {
        u32::try_from(bytes).unwrap().to_le_bytes().to_vec()
    })
}

/// Without a rank, what `words.bin` cannot say: the frequent ones of marks, capitals and words behind a mark, the contractions,
/// and letters and pictures beyond ASCII.
fn is_worth_a_record(bytes: &[u8], ranks: &Ranks) -> bool {
    let [cl100k, o200k] = ranks.map(|rank| rank.unwrap_or(u32::MAX));
    let has_letter = bytes.iter().any(u8::is_ascii_alphabetic);
    if bytes.len() > 24 || Word::of(bytes).is_some() {
        return false;
    }
    if !bytes.is_ascii() {
        return bytes.len() <= 8 && (cl100k < SHARED_WITH_LLAMA || o200k < 12_000);
    }
    if has_letter && bytes[1..].contains(&b'\'') {
        return true;
    }
    if has_letter {
        return cl100k < 12_000;
    }
    cl100k.min(o200k) < 12_000
}

/// Where each bucket begins, in what unit `number` says, and the buckets.
fn laid_out(buckets: &[Vec<u8>], number: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut starts = Vec::new();
    let mut end = 0;
    for bucket in buckets {
        starts.extend(number(end));
        end += bucket.len();
    }
    starts.extend(number(end));
    starts.extend(buckets.concat());
    starts
}

fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/domain/tokens")
}

#[test]
fn the_tables_say_what_the_vocabularies_say() {
    let tokens = vocabularies();
    assert!(std::fs::read(folder().join("words.bin")).unwrap() == words(&tokens));
    assert!(std::fs::read(folder().join("pieces.bin")).unwrap() == pieces(&tokens));
}

#[test]
#[ignore = "writes the tables"]
fn write_the_tables() {
    let tokens = vocabularies();
    std::fs::write(folder().join("words.bin"), words(&tokens)).unwrap();
    std::fs::write(folder().join("pieces.bin"), pieces(&tokens)).unwrap();
}
