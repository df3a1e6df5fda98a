//! Words of a text.

use super::stem::stem;

/// One word of a text.
#[derive(Debug, PartialEq)]
pub(super) struct Word {
    /// Lower-cased, without apostrophes.
    pub(super) text: String,
    /// Its [`stem`].
    pub(super) stem: String,
    /// Whether it is too common to tell texts apart.
    pub(super) stop: bool,
}

/// The runs of letters and digits. Scripts without spaces give long runs; their n-grams do the work.
pub(super) fn words(text: &str) -> Vec<Word> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && !apostrophe(c))
        .filter_map(word)
        .collect()
}

fn word(raw: &str) -> Option<Word> {
    let text = raw.replace(apostrophe, "");
    let stop = STOP_WORDS.binary_search(&text.as_str()).is_ok();
    let stem = stem(&text);
    (!text.is_empty()).then_some(Word { text, stem, stop })
}

fn apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

/// Sorted, for the binary search; apostrophes left out, as in the words.
const STOP_WORDS: [&str; 104] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "been", "but", "by", "can", "could", "did", "do", "does", "dont", "for", "from", "get", "had",
    "has", "have", "he", "her", "here", "hers", "him", "his", "how", "i", "id", "if", "ill", "im",
    "in", "into", "is", "it", "its", "ive", "just", "like", "may", "me", "mine", "more", "my",
    "no", "not", "of", "off", "on", "or", "our", "out", "over", "s", "she", "should", "so", "some",
    "t", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "to", "too", "up", "us", "very", "was", "we", "were", "what", "when", "where", "which",
    "while", "who", "why", "will", "with", "would", "yes", "yet", "you", "your", "youre", "yours",
    "youve",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn case_punctuation_and_apostrophes_go() {
        let found: Vec<String> = words("I don’t, 'quoted' — Straße2 x_y")
            .into_iter()
            .map(|w| w.text)
            .collect();
        assert_eq!(found, ["i", "dont", "quoted", "straße2", "x", "y"]);
    }
}
