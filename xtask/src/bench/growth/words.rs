//! Text for turns that nobody said: made-up words, as unevenly often as words are.

use super::random::Random;

/// Different words, two to four syllables each.
const VOCABULARY: usize = 8000;

const SYLLABLES: [&str; 20] = [
    "ba", "ko", "ri", "mu", "ten", "sol", "va", "pe", "lin", "gar", "do", "fi", "hu", "jo", "ke",
    "ny", "qua", "ster", "wo", "zi",
];

/// What half of all text is made of.
const COMMON: [&str; 48] = [
    "the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with", "as",
    "his", "on", "be", "at", "by", "i", "this", "had", "not", "are", "but", "from", "or", "have",
    "an", "they", "which", "you", "were", "her", "all", "she", "there", "their", "we", "him",
    "been", "has", "when", "who", "will", "more", "no", "if",
];

/// A source of text.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Words(Random);

impl Words {
    pub(in crate::bench) fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// So many words. The n-th commonest comes with a frequency of 1 / n (Zipf's law).
    pub(in crate::bench) fn some(&mut self, count: usize) -> String {
        let words: Vec<String> = (0..count).map(|_| self.one()).collect();
        words.join(" ")
    }

    /// A number of words from `least` to `most`.
    pub(in crate::bench) fn between(&mut self, least: usize, most: usize) -> String {
        let count = least + self.0.below(most + 1 - least);
        self.some(count)
    }

    fn one(&mut self) -> String {
        // Of 1 / n the distribution function is a logarithm, and this is its inverse.
        let place = (VOCABULARY as f64).powf(self.0.unit()) as usize;
        word(place)
    }
}

/// The n-th commonest word. The commonest are English, as in real text: full text passes over them.
fn word(place: usize) -> String {
    if let Some(word) = place.checked_sub(1).and_then(|place| COMMON.get(place)) {
        return (*word).to_owned();
    }
    // Scattered, so that neighbours in frequency do not look alike.
    let mut number = (place * 7919) % (20 * 20 * 20);
    let mut word = String::new();
    for _ in 0..3 {
        word.push_str(SYLLABLES[number % 20]);
        number /= 20;
    }
    word
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{VOCABULARY, Words, word};

    #[test]
    fn few_words_are_common_and_most_are_rare() {
        let text = Words::new(1).some(20_000);
        let mut counts = BTreeMap::<&str, usize>::new();
        for word in text.split(' ') {
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<usize> = counts.into_values().collect();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        assert!(counts.len() > 2000, "{} words", counts.len());
        let common: usize = counts.iter().take(10).sum();
        assert!(common > 4000, "{common} of the ten commonest");
    }

    #[test]
    fn no_two_words_are_the_same() {
        let words: BTreeSet<String> = (0..VOCABULARY).map(word).collect();
        assert_eq!(words.len(), VOCABULARY);
    }
}
