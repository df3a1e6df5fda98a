//! Texts that say the same as one that is taken already.

use std::collections::HashMap;

/// Of fewer words nothing is left out: `Yes, please` answers another question each time.
const FEWEST: usize = 3;

/// Two texts are alike when what they have in common is this many times what they have not: nine tenths of all.
const SHARE: usize = 9;

/// How many words at either end two texts are looked up by. Alike ones have nine words in common at least, at both ends
/// together, or all.
const END: usize = 4;

/// How many texts are compared that have one of these in common: thousands may end in the same words.
const MOST: usize = 20;

/// Marks that say nothing by themselves.
const SILENT: &str = ".,!;:'\"()-–—…*_~`‘’“”«»。，、！；：（）「」";

/// A word that turns a sentence round, in English; and what ends in `nt`, as `don't` does.
const TURNS: [&str; 9] = [
    "cannot", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing",
];

/// A text as its words, hashed: capitals, marks and white space do not count.
#[derive(Debug)]
pub(super) struct Words(Vec<Word>);

/// The lowest bit says whether a word weighs: with another in its place the text may say something else. Those do that have
/// a digit, a capital (names; all nouns in German) or are a symbol, a question mark, or a `not`.
#[derive(Debug, Clone, Copy)]
struct Word(u64);

impl Word {
    fn weighs(self) -> bool {
        self.0 & 1 == 1
    }

    /// Without what it weighs.
    fn hash(self) -> u64 {
        self.0 >> 1
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let mut words = Vec::new();
        let mut word = String::new();
        let mut weighs = false;
        for character in text.chars() {
            if character.is_alphanumeric() {
                weighs |= character.is_uppercase() || character.is_numeric();
                if character.is_ascii() {
                    word.push(character.to_ascii_lowercase());
                } else {
                    word.extend(character.to_lowercase());
                }
            } else if !matches!(character, '\'' | '’') {
                end(&mut words, &mut word, &mut weighs);
                if !character.is_whitespace()
                    && !character.is_control()
                    && !SILENT.contains(character)
                {
                    word.push(character);
                    weighs = true;
                    end(&mut words, &mut word, &mut weighs);
                }
            }
        }
        end(&mut words, &mut word, &mut weighs);
        Self(words)
    }

    /// The same words in the same order but for one place, which is small and has no word that weighs.
    fn are_alike(&self, other: &Self) -> bool {
        let (one, other) = (&self.0, &other.0);
        let shorter = one.len().min(other.len());
        let begins = one
            .iter()
            .zip(other)
            .take_while(|(one, other)| one == other);
        let begins = begins.count();
        let ends = one.iter().rev().zip(other.iter().rev());
        let ends = ends
            .take(shorter - begins)
            .take_while(|(one, other)| one == other);
        let ends = ends.count();
        let common = begins + ends;
        let between = [one, other].map(|words| &words[begins..words.len() - ends]);
        let others = between[0].len() + between[1].len();
        common >= others * SHARE && !between.into_iter().flatten().any(|word| word.weighs())
    }

    /// Alike texts have one of these in common: the beginning, the end, or all.
    fn keys(&self) -> [u64; 3] {
        let words = &self.0;
        let length = words.len().min(END);
        let hash = |words: &[Word]| words.iter().fold(0, |hash, word| mixed(hash, word.hash()));
        [
            hash(&words[..length]),
            hash(&words[words.len() - length..]),
            hash(words),
        ]
    }
}

fn end(words: &mut Vec<Word>, word: &mut String, weighs: &mut bool) {
    if !word.is_empty() {
        let weighs = *weighs || TURNS.contains(&word.as_str()) || word.ends_with("nt");
        let hash = word
            .bytes()
            .fold(0, |hash, byte| mixed(hash, u64::from(byte)));
        words.push(Word(hash << 1 | u64::from(weighs)));
    }
    word.clear();
    *weighs = false;
}

/// FxHash's step, with the high bits brought down. Who finds two words that meet here loses a turn of their own.
fn mixed(hash: u64, more: u64) -> u64 {
    let hash = (hash.rotate_left(5) ^ more ^ 0x9e37_79b9).wrapping_mul(0x517c_c1b7_2722_0a95);
    hash ^ hash >> 32
}

/// Texts that were taken, each with who said it.
#[derive(Debug)]
pub(super) struct Said<Speaker> {
    texts: Vec<(Speaker, Words)>,
    by_key: HashMap<u64, Vec<usize>>,
}

impl<Speaker> Said<Speaker> {
    pub(super) fn nothing() -> Self {
        Self {
            texts: Vec::new(),
            by_key: HashMap::new(),
        }
    }

    /// Whether one whose speaker `is_same` said the same.
    pub(super) fn has(&self, words: &Words, is_same: impl Fn(&Speaker) -> bool) -> bool {
        if words.0.len() < FEWEST {
            return false;
        }
        let places = words.keys().map(|key| self.by_key.get(&key));
        let places = places.into_iter().flatten();
        let mut places = places.flat_map(|places| places.iter().take(MOST));
        places.any(|place| {
            let (speaker, said) = &self.texts[*place];
            is_same(speaker) && said.are_alike(words)
        })
    }

    pub(super) fn add(&mut self, speaker: Speaker, words: Words) {
        if words.0.len() < FEWEST {
            return;
        }
        for key in words.keys() {
            self.by_key.entry(key).or_default().push(self.texts.len());
        }
        self.texts.push((speaker, words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        let mut said = Said::nothing();
        said.add((), Words::of(one));
        said.has(&Words::of(other), |()| true)
    }

    #[test]
    fn capitals_marks_and_spaces_do_not_count() {
        assert!(alike("I like tea.", "i  LIKE tea!!"));
        assert!(alike("Don't you worry", "don’t - you - worry..."));
        assert!(alike("ÉTÉ à Paris", "été À paris"));
        assert!(alike("我喜欢。吃！苹果", "我喜欢，吃，苹果"));
    }

    #[test]
    fn few_words_are_told_each_time() {
        assert!(!alike("Yes, please", "Yes, please"));
        assert!(!alike("👍", "👍"));
        assert!(!alike("", ""));
    }

    #[test]
    fn a_small_change_in_one_place_is_the_same() {
        let text = "so we walked along the old harbour wall and had ice cream afterwards";
        let more = format!("well {text}");
        let fewer = text.replace(" afterwards", "");
        for (one, other) in [(text, more.as_str()), (text, &fewer)] {
            assert!(alike(one, other) && alike(other, one), "{other}");
        }
        // Twelve words are not nine times the two that differ.
        assert!(!alike(text, &text.replace("harbour", "harbor")));
        let long = format!("{text} and later {text}");
        assert!(alike(&long, &long.replacen("harbour", "harbor", 1)));
        assert!(!alike(&long, &long.replace("harbour", "harbor")));
    }

    #[test]
    fn what_says_something_else_stays() {
        let long = |word: &str| {
            format!(
                "we met {word} at the station in the morning and then all of us took the slow train to the lake"
            )
        };
        assert!(alike(&long("friends"), &long("people")));
        for (one, other) in [
            ("friends", "Bob"),
            ("Ann", "Bob"),
            ("3 friends", "4 friends"),
            ("friends", "no friends"),
            ("friends", "friends 🎉"),
        ] {
            assert!(!alike(&long(one), &long(other)), "{one}, {other}");
        }
        assert!(!alike(
            "I prefer tea over coffee",
            "I prefer coffee over tea"
        ));
        assert!(!alike("you like tea", "you like tea?"));
        assert!(!alike("I write C all day", "I write C++ all day"));
        assert!(!alike(&long("friends"), &format!("{}?", long("friends"))));
    }

    #[test]
    fn many_texts_with_the_same_beginning_are_looked_through_in_no_time() {
        let mut said = Said::nothing();
        for number in 0..10_000 {
            let words = Words::of(&format!("I said x{number} of them and it was fine"));
            assert!(!said.has(&words, |()| true));
            said.add((), words);
        }
        assert!(said.has(&Words::of("I said x77 of them and it was fine"), |()| true));
    }
}
