//! An estimate of how many tokens a text costs.

/// About how many tokens a byte-pair tokeniser makes of `text`, on the high side for ordinary
/// prose: a token per started four letters or digits of a word, one per mark of punctuation and
/// per line break, and one per two bytes of anything that is not ASCII.
pub fn estimate(text: &str) -> u32 {
    let mut count = Count::default();
    text.bytes().for_each(|byte| count.add(byte));
    count.tokens()
}

/// As much of the beginning of `text` as is estimated to cost at most `max` tokens.
pub fn first(text: &str, max: u32) -> &str {
    let mut count = Count::default();
    for (place, character) in text.char_indices() {
        let bytes = &text.as_bytes()[place..place + character.len_utf8()];
        bytes.iter().for_each(|byte| count.add(*byte));
        if count.tokens() > max {
            return &text[..place];
        }
    }
    text
}

/// The estimate of what was read so far.
#[derive(Default)]
struct Count {
    whole: u32,
    /// Letters and digits of the word that is being read.
    word: u32,
    /// Bytes that are not ASCII.
    foreign: u32,
}

impl Count {
    fn add(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() {
            self.whole += u32::from(self.word.is_multiple_of(4));
            self.word += 1;
            return;
        }
        self.word = 0;
        if !byte.is_ascii() {
            self.foreign += 1;
        } else if byte != b' ' {
            self.whole += 1;
        }
    }

    fn tokens(&self) -> u32 {
        self.whole + self.foreign.div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::{estimate, first};

    #[test]
    fn words_marks_and_foreign_scripts_count() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("the cat"), 2);
        assert_eq!(estimate("extraordinary!"), 5);
        assert_eq!(estimate("日本"), 3);
    }

    #[test]
    fn the_beginning_of_a_text_fits() {
        assert_eq!(first("the cat sat", 2), "the cat ");
        assert_eq!(first("the cat sat", 3), "the cat sat");
        assert_eq!(first("日本日本", 3), "日本");
        let long = "日本 and words! ".repeat(10_000);
        let cut = first(&long, 8000);
        assert!(
            estimate(cut) <= 8000 && estimate(cut) > 7990,
            "{}",
            estimate(cut)
        );
    }
}
