//! How many tokens a piece costs, at most.

use super::encoding::Encoding;
use super::vocabulary;

/// A stretch of a text that is made into tokens by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    /// One piece of the pattern.
    Whole(&'a [u8]),
    /// One piece or several: characters are in it whose class is not known.
    Uncertain(&'a [u8]),
}

/// A longer piece costs a token per byte. It keeps the arrays small, and the time, which grows with the square.
const LONGEST: usize = 128;
/// How many units a token may be made of to be told from others. Longer ones may stand beside anything.
const SPAN: usize = 4;

impl Piece<'_> {
    /// In bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) | Self::Uncertain(bytes) => bytes.len(),
        }
    }

    /// At least as many tokens as `encoding` makes of it.
    pub(super) fn bound(&self, encoding: Encoding) -> u32 {
        match self {
            Self::Whole(bytes) if vocabulary::is_token(encoding, bytes) => 1,
            Self::Whole(bytes) if bytes.len() <= LONGEST => {
                Units::merged(encoding, bytes).most_tokens()
            }
            _ => u32::try_from(self.len()).unwrap_or(u32::MAX),
        }
    }
}

/// A piece on its way from bytes to tokens, after all merges of a rank that we know.
struct Units<'a> {
    encoding: Encoding,
    bytes: &'a [u8],
    /// Where each unit begins, then the end.
    starts: [u8; LONGEST + 1],
    count: usize,
}

impl<'a> Units<'a> {
    /// Does what the tokeniser does, for as long as the next merge is one of the ranks that we know. The ranks that we
    /// know are the lowest, so up to there it is the same; and what the tokeniser does then only joins units.
    fn merged(encoding: Encoding, bytes: &'a [u8]) -> Self {
        let mut units = Self {
            encoding,
            bytes,
            starts: std::array::from_fn(|place| place as u8),
            count: bytes.len(),
        };
        // The rank of each unit joined with the next one.
        let mut ranks = [vocabulary::NONE; LONGEST];
        for (place, rank) in ranks.iter_mut().enumerate().take(bytes.len()) {
            *rank = units.rank(place);
        }
        while let Some((place, rank)) = lowest(&ranks[..units.count])
            && rank < vocabulary::NONE
        {
            units.starts.copy_within(place + 2..=units.count, place + 1);
            ranks.copy_within(place + 2..units.count, place + 1);
            units.count -= 1;
            ranks[place] = units.rank(place);
            if let Some(before) = place.checked_sub(1) {
                ranks[before] = units.rank(before);
            }
        }
        units
    }

    /// The rank of the merge of the unit at `place` with the next one.
    fn rank(&self, place: usize) -> u16 {
        if place + 2 > self.count {
            return vocabulary::NONE;
        }
        vocabulary::rank(self.encoding, self.joined(place, place + 2))
    }

    fn joined(&self, from: usize, to: usize) -> &'a [u8] {
        &self.bytes[usize::from(self.starts[from])..usize::from(self.starts[to])]
    }

    /// The most tokens into which the units can be joined such that no two neighbours make a token that we
    /// know. The tokeniser stops only when no two neighbours make any token, so it does not end with more.
    fn most_tokens(&self) -> u32 {
        // For each number of units from the left: the most tokens with a last one of 1 to SPAN units, and of more; 0
        // where there is no way. And the most tokens of any fewer or as many units.
        let mut short = [[0_u8; SPAN]; LONGEST + 1];
        let mut long = [0_u8; LONGEST + 1];
        let mut reach = [0_u8; LONGEST + 1];
        for end in 1..=self.count {
            for span in 1..=SPAN.min(end) {
                let start = end - span;
                short[end][span - 1] = if start == 0 {
                    1
                } else {
                    let mut most = long[start];
                    for before in 1..=SPAN.min(start) {
                        let tokens = short[start][before - 1];
                        if tokens > most
                            && !vocabulary::is_token(
                                self.encoding,
                                self.joined(start - before, end),
                            )
                        {
                            most = tokens;
                        }
                    }
                    if most == 0 { 0 } else { most + 1 }
                };
            }
            if end > SPAN {
                long[end] = reach[end - SPAN - 1] + 1;
            }
            let most = short[end].iter().copied().max().unwrap_or_default();
            reach[end] = most.max(long[end]).max(reach[end - 1]);
        }
        let most = short[self.count].iter().copied().max().unwrap_or_default();
        u32::from(most.max(long[self.count]))
    }
}

/// The first of the lowest ranks, as the tokeniser chooses.
fn lowest(ranks: &[u16]) -> Option<(usize, u16)> {
    ranks
        .iter()
        .copied()
        .enumerate()
        .min_by_key(|(_, rank)| *rank)
}

#[cfg(test)]
mod tests {
    use super::super::vocabulary;
    use super::{Encoding, Units};

    /// The most tokens of all ways to join the units such that no neighbours make a known token, one by one.
    fn most_of_all(units: &Units<'_>) -> u32 {
        let inner = units.count - 1;
        let ways = (0..1_u32 << inner).filter(|cuts| {
            let mut ends = vec![0];
            ends.extend((1..=inner).filter(|place| cuts >> (place - 1) & 1 == 1));
            ends.push(units.count);
            ends.windows(3)
                .all(|ends| !vocabulary::is_token(units.encoding, units.joined(ends[0], ends[2])))
        });
        ways.map(|cuts| cuts.count_ones() + 1).max().unwrap()
    }

    /// The first three can end only with a token of more than four units.
    const WORDS: [&str; 8] = [
        "dispatcher",
        "unsupported",
        "marshaller",
        "woooooohooooo",
        "qzxvkjw",
        "-=-=-=-=-=",
        "heartwarmingly",
        "Größe",
    ];

    #[test]
    fn no_way_to_join_units_has_more_tokens() {
        for word in WORDS {
            for encoding in Encoding::ALL {
                let units = Units::merged(encoding, word.as_bytes());
                assert!(units.count < 16);
                assert!(
                    units.most_tokens() >= most_of_all(&units),
                    "{encoding:?} {word}"
                );
            }
        }
    }
}
