//! A text cut into words, numbers and signs.

use super::words::{Meaning, meaning};

/// How much of a text is read, in characters; the database reads as much of a query.
const MOST: usize = 10_000;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// A word, or the letters behind a number: "th".
    pub(super) text: &'a str,
    /// Nothing stands between it and the one before.
    pub(super) glued: bool,
}

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word(Meaning),
    /// Its value, at most the type's greatest, and with how many digits it was written.
    Number(u32, u8),
    Sign(char),
}

/// The text's tokens, and reading at any place among them.
pub(super) struct Tokens<'a>(Vec<Token<'a>>);

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let end = text
            .char_indices()
            .nth(MOST)
            .map_or(text.len(), |(at, _)| at);
        let mut rest = &text[..end];
        let mut tokens = Vec::new();
        let mut glued = false;
        while let Some(first) = rest.chars().next() {
            let (kind, text, after) = if first.is_whitespace() {
                rest = &rest[first.len_utf8()..];
                glued = false;
                continue;
            } else if first.is_ascii_digit() {
                number(rest)
            } else if in_word(first) {
                let (word, after) = split(rest, in_word);
                (Kind::Word(meaning(word)), word, without_ending(after))
            } else if let Some((year, after)) = short_year(rest).filter(|_| !glued) {
                (Kind::Number(year, 4), "", after)
            } else {
                let (sign, after) = rest.split_at(first.len_utf8());
                (Kind::Sign(first), sign, after)
            };
            tokens.push(Token { kind, text, glued });
            glued = true;
            rest = after;
        }
        Self(tokens)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<Token<'a>> {
        self.0.get(at).copied()
    }

    pub(super) fn meaning(&self, at: usize) -> Meaning {
        match self.get(at).map(|token| token.kind) {
            Some(Kind::Word(meaning)) => meaning,
            _ => Meaning::Other,
        }
    }

    /// The meaning of the word so many before.
    pub(super) fn before(&self, at: usize, back: usize) -> Meaning {
        at.checked_sub(back)
            .map_or(Meaning::Other, |at| self.meaning(at))
    }

    /// `at`, or the place behind it, if one of these is what stands there.
    pub(super) fn skip_any(&self, at: usize, meanings: &[Meaning]) -> usize {
        at + usize::from(meanings.contains(&self.meaning(at)))
    }

    /// `at`, or the place behind it, if that is what stands there.
    pub(super) fn skip(&self, at: usize, meaning: Meaning) -> usize {
        at + usize::from(self.meaning(at) == meaning)
    }

    pub(super) fn is_capital(&self, at: usize) -> bool {
        self.get(at)
            .is_some_and(|token| token.text.starts_with(char::is_uppercase))
    }

    pub(super) fn is_sign(&self, at: usize, sign: char) -> bool {
        self.get(at)
            .is_some_and(|token| token.kind == Kind::Sign(sign))
    }

    /// A number without letters behind it, of so many digits.
    pub(super) fn number(&self, at: usize, digits: std::ops::RangeInclusive<u8>) -> Option<u32> {
        let token = self.get(at)?;
        match token.kind {
            Kind::Number(value, count) if digits.contains(&count) && token.text.is_empty() => {
                Some(value)
            }
            _ => None,
        }
    }

    /// A number of one or two digits, "th" or nothing behind it.
    pub(super) fn day(&self, at: usize) -> Option<u8> {
        let token = self.get(at)?;
        match token.kind {
            Kind::Number(value, 1..=2) if token.text.is_empty() || self.is_ordinal(at) => {
                u8::try_from(value).ok()
            }
            _ => None,
        }
    }

    pub(super) fn is_ordinal(&self, at: usize) -> bool {
        let endings = ["st", "nd", "rd", "th"];
        self.get(at).is_some_and(|token| {
            matches!(token.kind, Kind::Number(..))
                && endings
                    .iter()
                    .any(|end| token.text.eq_ignore_ascii_case(end))
        })
    }

    /// Whether the number here is only a part of what is written: `1.5`, `$20`, `7:30`, `-2023`.
    pub(super) fn is_part(&self, at: usize) -> bool {
        let glued_sign = |at: usize| {
            self.get(at)
                .is_some_and(|token| token.glued && matches!(token.kind, Kind::Sign(_)))
        };
        let glued = |at: usize| self.get(at).is_some_and(|token| token.glued);
        let number =
            |at: usize| matches!(self.get(at).map(|token| token.kind), Some(Kind::Number(..)));
        let money = at.checked_sub(1).is_some_and(|sign| {
            glued(at)
                && ['$', '£', '€', '#']
                    .iter()
                    .any(|money| self.is_sign(sign, *money))
        });
        let behind = at >= 2 && glued(at) && glued_sign(at - 1) && number(at - 2);
        let ahead = glued_sign(at + 1) && glued(at + 2) && number(at + 2);
        let percent = self.is_sign(at + 1, '%');
        money || behind || ahead || percent
    }
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What holds of the beginning, and the rest.
fn split(text: &str, holds: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !holds(c)).unwrap_or(text.len()))
}

fn number(text: &str) -> (Kind, &str, &str) {
    let (digits, rest) = split(text, |c| c.is_ascii_digit());
    let (letters, rest) = split(rest, char::is_alphabetic);
    let value = digits.parse().unwrap_or(u32::MAX);
    let count = u8::try_from(digits.len()).unwrap_or(u8::MAX);
    (Kind::Number(value, count), letters, rest)
}

/// Without the `'s` of a word before it.
fn without_ending(text: &str) -> &str {
    let Some(rest) = text.strip_prefix(['\'', '’']) else {
        return text;
    };
    match split(rest, char::is_alphabetic) {
        ("", _) => text,
        (_, rest) => rest,
    }
}

/// `'23`.
fn short_year(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = split(text.strip_prefix(['\'', '’'])?, in_word);
    let year: u32 = digits.parse().ok().filter(|_| digits.len() == 2)?;
    Some((year + if year < 70 { 2000 } else { 1900 }, rest))
}
