//! Cuts a text where the encodings' patterns cut it.
//!
//! The patterns, as in OpenAI's `tiktoken` (`tiktoken_ext/openai_public.py`), for characters whose class is known:
//!
//! - `cl100k_base`: a contraction; a run of letters with one character before it that is no letter, number or line break;
//!   up to three digits; a run of marks with a space before it and line breaks after it; white space up to its last line
//!   break; white space but for its last character; white space.
//! - `o200k_base`: the same, but a run of letters ends before a capital that follows a small letter, takes
//!   the contraction with it, and a run of marks takes `/` among the line breaks after it.

use super::class::Class;
use super::encoding::Encoding;
use super::piece::Piece;

/// The piece that a text begins with; the text is not empty.
pub(super) fn first_piece(encoding: Encoding, text: &str) -> Piece<'_> {
    match known(encoding, text) {
        Some(end) => Piece::Whole(&text.as_bytes()[..end]),
        None => Piece::Uncertain(&text.as_bytes()[..uncertain(text)]),
    }
}

/// The class of the character at `place` and where the next one begins; none at the end of the text.
#[inline]
fn at(text: &str, place: usize) -> Option<(Class, usize)> {
    let byte = *text.as_bytes().get(place)?;
    if byte.is_ascii() {
        return Some((Class::of(char::from(byte)), place + 1));
    }
    let character = text.get(place..)?.chars().next()?;
    Some((Class::of(character), place + character.len_utf8()))
}

/// The end of the run of characters from `place` on for which `belongs` holds; none if a character of unknown class
/// follows it, which might belong as well.
fn run(text: &str, mut place: usize, belongs: impl Fn(Class) -> bool) -> Option<usize> {
    while let Some((class, next)) = at(text, place) {
        if class == Class::Unknown {
            return None;
        }
        if !belongs(class) {
            break;
        }
        place = next;
    }
    Some(place)
}

/// The end of the first piece; none if an unknown character has a say in it.
fn known(encoding: Encoding, text: &str) -> Option<usize> {
    let (class, next) = at(text, 0)?;
    match class {
        Class::Upper | Class::Lower | Class::Caseless => word(encoding, text, 0),
        Class::Number => number(text),
        Class::Space | Class::Newline => white_space(encoding, text, class, next),
        Class::Other => {
            if encoding == Encoding::Cl100k && contraction(text, 0) > 0 {
                return Some(contraction(text, 0));
            }
            match at(text, next) {
                Some((class, _)) if class.is_letter() => word(encoding, text, next),
                _ => marks(encoding, text, 0),
            }
        }
        Class::Unknown => None,
    }
}

/// A word whose letters begin at `start`.
fn word(encoding: Encoding, text: &str, start: usize) -> Option<usize> {
    if encoding == Encoding::Cl100k {
        return run(text, start, Class::is_letter);
    }
    let capitals = run(text, start, |class| {
        matches!(class, Class::Upper | Class::Caseless)
    })?;
    let small = run(text, capitals, |class| {
        matches!(class, Class::Lower | Class::Caseless)
    })?;
    let end = if small > capitals {
        small
    } else {
        // The pattern wants a last letter that is no capital, and else takes the capitals alone.
        last_caseless(text, start, capitals).unwrap_or(capitals)
    };
    match at(text, end + 1) {
        // A letter that some versions of the pattern take for the `s` of a contraction.
        Some((Class::Unknown, _)) if text.as_bytes()[end] == b'\'' => None,
        _ => Some(end + contraction(text, end)),
    }
}

/// The end of the last letter without case between `start` and `end`.
fn last_caseless(text: &str, start: usize, end: usize) -> Option<usize> {
    text.get(start..end)?
        .char_indices()
        .rev()
        .find(|(_, letter)| Class::of(*letter) == Class::Caseless)
        .map(|(place, letter)| start + place + letter.len_utf8())
}

/// Length of the contraction at `place`, or 0.
fn contraction(text: &str, place: usize) -> usize {
    let Some([b'\'', letters @ ..]) = text.as_bytes().get(place..) else {
        return 0;
    };
    match letters {
        [b's' | b'S' | b'd' | b'D' | b'm' | b'M' | b't' | b'T', ..] => 2,
        [b'l' | b'L', b'l' | b'L', ..]
        | [b'v' | b'V', b'e' | b'E', ..]
        | [b'r' | b'R', b'e' | b'E', ..] => 3,
        _ => 0,
    }
}

fn number(text: &str) -> Option<usize> {
    let mut end = 0;
    for _ in 0..3 {
        match at(text, end) {
            Some((Class::Number, next)) => end = next,
            Some((Class::Unknown, _)) => return None,
            _ => break,
        }
    }
    Some(end)
}

/// Marks from `start` on, and the line breaks that follow them.
fn marks(encoding: Encoding, text: &str, start: usize) -> Option<usize> {
    let end = run(text, start, |class| class == Class::Other)?;
    let after = &text.as_bytes()[end..];
    let breaks = after.iter().take_while(|byte| match byte {
        b'\r' | b'\n' => true,
        b'/' => encoding == Encoding::O200k,
        _ => false,
    });
    Some(end + breaks.count())
}

fn white_space(encoding: Encoding, text: &str, first: Class, next: usize) -> Option<usize> {
    if first == Class::Space {
        match at(text, next) {
            Some((class, _)) if class.is_letter() => return word(encoding, text, next),
            Some((Class::Other, _)) if text.starts_with(' ') => {
                return marks(encoding, text, next);
            }
            Some((Class::Unknown, _)) => return None,
            _ => {}
        }
    }
    let (mut end, mut last, mut line) = (0, 0, 0);
    while let Some((class, next)) = at(text, end)
        && class.is_white_space()
    {
        last = end;
        end = next;
        if class == Class::Newline {
            line = end;
        }
    }
    Some(match (line, last) {
        // What follows the last line break at the end of a text belongs to it in some versions of the pattern.
        (1.., _) if end == text.len() && line < end => return None,
        (1.., _) => line,
        (0, 1..) if end < text.len() => last,
        _ => end,
    })
}

/// The end of a stretch with unknown characters: the first place at which every pattern cuts, whatever they are. No
/// piece goes on from anything else to white space that is no line break, or from a line break to anything but
/// white space and `/`.
fn uncertain(text: &str) -> usize {
    let mut before = None;
    let mut place = 0;
    while let Some((class, next)) = at(text, place) {
        let cuts = match before {
            None => false,
            Some(Class::Newline) => !class.is_white_space() && text.as_bytes()[place] != b'/',
            Some(Class::Space) => false,
            Some(_) => class == Class::Space,
        };
        if cuts {
            return place;
        }
        before = Some(class);
        place = next;
    }
    place
}
