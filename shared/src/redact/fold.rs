//! Text as the detectors read it: ASCII where people write something else that looks alike (full-width
//! digits, digits of other scripts, other spaces and hyphens) or put characters between that do not
//! show. Offsets lead back to the text as it was.

/// The text with its look-alikes folded, when it has any.
pub(super) struct Folded {
    pub(super) text: String,
    /// For each byte of `text` the place of the character that it came from: start and end.
    places: Vec<(usize, usize)>,
}

impl Folded {
    /// `None` when there is nothing to fold.
    pub(super) fn of(raw: &str) -> Option<Self> {
        raw.chars()
            .any(|c| !c.is_ascii() && fold(c) != Some(c))
            .then(|| {
                let mut text = String::with_capacity(raw.len());
                let mut places = Vec::with_capacity(raw.len());
                for (start, c) in raw.char_indices() {
                    if let Some(folded) = fold(c) {
                        text.push(folded);
                        places.resize(text.len(), (start, start + c.len_utf8()));
                    }
                }
                Self { text, places }
            })
    }

    /// The place in the raw text of a place in this one that is not empty.
    pub(super) fn unfold(&self, start: usize, end: usize) -> (usize, usize) {
        let place = |at: usize| self.places.get(at).copied().unwrap_or_default();
        (place(start).0, place(end.saturating_sub(1)).1)
    }
}

/// What a character is read as; `None` for one that does not show.
fn fold(c: char) -> Option<char> {
    let digit = |zero: u32| char::from_digit(u32::from(c).wrapping_sub(zero), 10);
    let folded = match u32::from(c) {
        _ if hidden(c) => return None,
        // Spaces and hyphens.
        0xa0 | 0x2000..=0x200a | 0x202f | 0x205f | 0x3000 => Some(' '),
        0x2010..=0x2015 | 0x2212 | 0xfe58 | 0xfe63 => Some('-'),
        0x2024 | 0x3002 | 0xff61 => Some('.'),
        // Full-width forms of ASCII, and what is set small.
        0xff01..=0xff5e => char::from_u32(u32::from(c) - 0xff01 + 0x21),
        0xfe6b => Some('@'),
        0xfe52 => Some('.'),
        0xfe55 => Some(':'),
        // Digits of Arabic, Persian, N'Ko, and the scripts of India and its neighbours.
        0x660..=0x669 => digit(0x660),
        0x6f0..=0x6f9 => digit(0x6f0),
        0x7c0..=0x7c9 => digit(0x7c0),
        0x966..=0x96f | 0x9e6..=0x9ef | 0xa66..=0xa6f | 0xae6..=0xaef => nibble(c),
        0xb66..=0xb6f | 0xbe6..=0xbef | 0xc66..=0xc6f | 0xce6..=0xcef | 0xd66..=0xd6f => nibble(c),
        0xe50..=0xe59 => digit(0xe50),
        // Superscripts, subscripts, digits in circles.
        0xb9 => Some('1'),
        0xb2 | 0xb3 => digit(0xb0),
        0x2070 | 0x2074..=0x2079 => digit(0x2070),
        0x2080..=0x2089 => digit(0x2080),
        0x24ea => Some('0'),
        0x2460..=0x2468 => digit(0x245f),
        0x24b6..=0x24cf => char::from_u32(u32::from(c) - 0x24b6 + u32::from('A')),
        0x24d0..=0x24e9 => char::from_u32(u32::from(c) - 0x24d0 + u32::from('a')),
        // Letters and digits of mathematics, in 13 and 5 faces one after the other.
        0x1d400..=0x1d6a3 => letter((u32::from(c) - 0x1d400) % 52),
        0x1d7ce..=0x1d7ff => char::from_digit((u32::from(c) - 0x1d7ce) % 10, 10),
        0x1fbf0..=0x1fbf9 => digit(0x1fbf0),
        _ => Some(c),
    };
    folded.or(Some(c))
}

/// The digits of India's scripts stand at xx6 to xxF of their blocks, 0 first.
fn nibble(c: char) -> Option<char> {
    char::from_digit((u32::from(c) & 0xf).wrapping_sub(6), 10)
}

fn letter(place: u32) -> Option<char> {
    let first = if place < 26 { 'A' } else { 'a' };
    char::from_u32(u32::from(first) + place % 26)
}

/// Soft hyphen, joiners, marks of direction, byte order mark, variation selectors, keycap.
fn hidden(c: char) -> bool {
    matches!(
        u32::from(c),
        0xad | 0x34f | 0x61c | 0x180e | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x2064
            | 0x2066..=0x206f | 0xfe00..=0xfe0f | 0xfeff | 0x20e3
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_read_as_ascii() {
        for (raw, read) in [
            ("４０１２", "4012"),
            ("ａ＠ｂ．ｃｏｍ", "a@b.com"),
            ("٤٠١٢ ۴۰ ४० ৪০ ௪௦ ๔๐", "4012 40 40 40 40 40"),
            ("4\u{200b}0\u{ad}1\u{2060}2", "4012"),
            ("4\u{fe0f}\u{20e3}0\u{fe0f}\u{20e3}", "40"),
            ("40\u{a0}12\u{2011}88\u{2009}8", "40 12-88 8"),
            ("¹²³⁴ ₅ ④⓪ ⓐⒷ", "1234 5 40 aB"),
            ("𝟒𝟎𝟙𝟚 𝐚𝐁𝘤", "4012 aBc"),
        ] {
            assert_eq!(Folded::of(raw).unwrap().text, read, "{raw}");
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for raw in ["", "plain", "Ünïcode, “quotes”, it’s 🦀 and Жанна, 手机"] {
            assert!(Folded::of(raw).is_none(), "{raw}");
        }
    }

    #[test]
    fn places_lead_back_to_whole_characters() {
        let raw = "é\u{200b}４\u{200b}０\u{200b}!";
        let folded = Folded::of(raw).unwrap();
        assert_eq!(folded.text, "é40!");
        let (start, end) = folded.unfold(2, 4);
        assert_eq!(&raw[start..end], "４\u{200b}０");
        let (start, end) = folded.unfold(0, 2);
        assert_eq!(&raw[start..end], "é");
    }
}
