//! One quick look at a text, to learn which detectors have anything to find in it. Most turns of a
//! chat have neither a digit nor a sign that any of them looks for.

/// What there is in a text, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits(u16);

impl Traits {
    #[cfg(test)]
    pub(super) const NONE: Self = Self(0);
    /// An ASCII digit.
    pub(super) const DIGIT: Self = Self(1);
    /// `@`
    pub(super) const AT: Self = Self(1 << 1);
    /// `:`
    pub(super) const COLON: Self = Self(1 << 2);
    /// `.`
    pub(super) const DOT: Self = Self(1 << 3);
    /// Anything beyond ASCII.
    pub(super) const WIDE: Self = Self(1 << 4);
    /// A run of letters, digits, dots, hyphens and underscores, at least [`LONG`].
    pub(super) const LONG: Self = Self(1 << 5);
    /// A word such as `password`.
    pub(super) const PASSWORD: Self = Self(1 << 6);
    /// A word such as `Bearer`, `token` or `secret`.
    pub(super) const SECRET: Self = Self(1 << 7);
    /// The word `at`, as in an address that is spelled.
    pub(super) const AT_WORD: Self = Self(1 << 8);
    /// The word `dot`.
    pub(super) const DOT_WORD: Self = Self(1 << 9);
    /// An opening bracket.
    pub(super) const BRACKET: Self = Self(1 << 10);
    /// The word `PRIVATE`.
    pub(super) const PRIVATE: Self = Self(1 << 11);

    /// Whether there is all of `other`.
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Bytes of a run that may be a key or a token.
const LONG: usize = 16;

/// Words that are looked for.
const WORDS: [(&[u8], Traits); 19] = [
    (b"at", Traits::AT_WORD),
    (b"dot", Traits::DOT_WORD),
    (b"pw", Traits::PASSWORD),
    (b"pwd", Traits::PASSWORD),
    (b"pass", Traits::PASSWORD),
    (b"passwd", Traits::PASSWORD),
    (b"password", Traits::PASSWORD),
    (b"passwort", Traits::PASSWORD),
    (b"passcode", Traits::PASSWORD),
    (b"passphrase", Traits::PASSWORD),
    (b"bearer", Traits::SECRET),
    (b"basic", Traits::SECRET),
    (b"token", Traits::SECRET),
    (b"secret", Traits::SECRET),
    (b"key", Traits::SECRET),
    (b"apikey", Traits::SECRET),
    (b"credential", Traits::SECRET),
    (b"credentials", Traits::SECRET),
    (b"private", Traits::PRIVATE),
];

/// For each length of a word, which first letters [`WORDS`] have.
const FIRST: [u32; 12] = first_letters();

const fn first_letters() -> [u32; 12] {
    let mut first = [0; 12];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].0;
        first[word.len()] |= 1 << (word[0] - b'a');
        at += 1;
    }
    first
}

/// Of a byte: the traits that it shows by itself (low), and whether it goes on with a word or a run.
const WORD: u16 = 1 << 14;
const RUN: u16 = 1 << 15;
const BYTES: [u16; 256] = bytes();

const fn bytes() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'0'..=b'9' => Traits::DIGIT.0 | WORD | RUN,
            b'a'..=b'z' | b'A'..=b'Z' => WORD | RUN,
            b'@' => Traits::AT.0,
            b'(' | b'[' | b'{' | b'<' => Traits::BRACKET.0,
            b':' => Traits::COLON.0,
            b'.' => Traits::DOT.0 | RUN,
            b'-' | b'_' => RUN,
            0x80.. => Traits::WIDE.0,
            _ => 0,
        };
        byte += 1;
    }
    table
}

/// What there is in a text.
pub(super) fn survey(text: &str) -> Traits {
    let text = text.as_bytes();
    let mut seen = 0;
    let (mut word, mut run) = (0, 0);
    for (at, byte) in text.iter().enumerate() {
        let shows = BYTES[usize::from(*byte)];
        seen |= shows;
        if shows & WORD == 0 {
            seen |= spotted(&text[word..at]);
            word = at + 1;
            if shows & RUN == 0 {
                if at - run >= LONG {
                    seen |= Traits::LONG.0;
                }
                run = at + 1;
            }
        }
    }
    seen |= spotted(&text[word..]);
    if text.len() - run >= LONG {
        seen |= Traits::LONG.0;
    }
    Traits(seen & !(WORD | RUN))
}

/// What a word shows.
#[inline]
fn spotted(word: &[u8]) -> u16 {
    let (Some(first), Some(letters)) = (word.first(), FIRST.get(word.len())) else {
        return 0;
    };
    let letter = (first | 0x20).wrapping_sub(b'a');
    if letter < 26 && letters >> letter & 1 == 1 {
        looked_up(word)
    } else {
        0
    }
}

fn looked_up(word: &[u8]) -> u16 {
    let mut known = WORDS
        .iter()
        .filter(|(known, _)| known.eq_ignore_ascii_case(word));
    known.next().map_or(0, |(_, traits)| traits.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_shows_what_is_in_it_and_nothing_else() {
        for (text, traits) in [
            ("", Traits::NONE),
            ("Nothing here, is there? Pastors and tokens!", Traits::NONE),
            ("at 5", Traits::AT_WORD.and(Traits::DIGIT)),
            ("a@b", Traits::AT),
            ("my PassWord is", Traits::PASSWORD),
            ("the pwd", Traits::PASSWORD),
            ("Bearer", Traits::SECRET),
            ("a PRIVATE", Traits::PRIVATE),
            ("so: é", Traits::COLON.and(Traits::WIDE)),
            ("abcdefg-hijklmno", Traits::LONG),
            ("(abcdefg_hijklmno)", Traits::LONG.and(Traits::BRACKET)),
            ("abcdefg hijklmno", Traits::NONE),
        ] {
            assert_eq!(survey(text), traits, "{text}");
        }
    }
}
