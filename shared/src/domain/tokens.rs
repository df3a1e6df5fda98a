//! An estimate of how many tokens a text costs.

/// About how many tokens a byte-pair tokeniser makes of `text`, on the high side for ordinary
/// prose: a token per started four letters or digits of a word, one per mark of punctuation and
/// per line break, and one per two bytes of anything that is not ASCII.
pub fn estimate(text: &str) -> u32 {
    let (mut tokens, mut word, mut foreign) = (0u32, 0u32, 0u32);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            tokens += u32::from(word % 4 == 0);
            word += 1;
            continue;
        }
        word = 0;
        if !byte.is_ascii() {
            foreign += 1;
        } else if byte != b' ' {
            tokens += 1;
        }
    }
    tokens + foreign.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::estimate;

    #[test]
    fn words_marks_and_foreign_scripts_count() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate("the cat"), 2);
        assert_eq!(estimate("extraordinary!"), 5);
        assert_eq!(estimate("日本"), 3);
    }
}
