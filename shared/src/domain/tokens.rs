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

/// As much of the beginning of `text` as is estimated to cost at most `max` tokens.
pub fn first(text: &str, max: u32) -> &str {
    // A token costs at most four bytes of what counts, so most texts need no second look.
    if text.len() <= max as usize || estimate(text) <= max {
        return text;
    }
    let (mut fits, mut too_much) = (0, text.len());
    while too_much - fits > 1 {
        let middle = text.floor_char_boundary(fits + (too_much - fits) / 2);
        if middle <= fits {
            break;
        }
        if estimate(&text[..middle]) <= max {
            fits = middle;
        } else {
            too_much = middle;
        }
    }
    &text[..fits]
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
