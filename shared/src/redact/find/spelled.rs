//! Email addresses that are written so that no machine may read them: `ann (at) example [dot] com`,
//! `ann @ example.com`, `ann dot b at gmail dot com`.

use super::{Text, tld};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// Where people have addresses. Before any other domain `at` is a word like any other.
const PROVIDERS: [&str; 16] = [
    "gmail",
    "googlemail",
    "yahoo",
    "hotmail",
    "outlook",
    "live",
    "msn",
    "icloud",
    "me",
    "aol",
    "gmx",
    "web",
    "proton",
    "protonmail",
    "fastmail",
    "mail",
];

/// What stands before `at` in talk, and is nobody's name.
const TALK: [&str; 14] = [
    "am", "is", "are", "was", "were", "be", "it", "look", "looked", "work", "works", "mail",
    "email", "account",
];

/// The longest label or part, and how many of them.
const LABEL: usize = 63;
const LABELS: usize = 5;

/// How the sign is written; from the one that says most.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// `@` without spaces: an address is spelled only if its dots are.
    Sign,
    /// `(at)`, or `@` with spaces around it.
    Clear,
    /// A word.
    Word,
}

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    let mut at = 0;
    while let Some(place) = text[at..].find(['@', 'a', 'A']).map(|place| at + place) {
        at = place + 1;
        if let Some((start, end)) = sign(text, place).and_then(|sign| address(text, sign)) {
            found.add(Class::Email, start, end);
            at = end;
        }
    }
}

/// The sign that begins at `place`: what it is, and its place with what is around it.
fn sign(text: &str, place: usize) -> Option<(At, usize, usize)> {
    let (before, rest) = (&text[..place], &text[place..]);
    if let Some(after) = rest.strip_prefix('@') {
        let spaced = before.ends_with(' ') && after.starts_with(' ');
        return Some(match spaced {
            true => (At::Clear, place - 1, place + 2),
            false => (At::Sign, place, place + 1),
        });
    }
    let after = rest
        .get(..2)
        .filter(|word| word.eq_ignore_ascii_case("at"))
        .map(|_| &rest[2..])?;
    let (outer, inner) = (before.trim_end_matches(' '), after.trim_start_matches(' '));
    if let (Some(outer), Some(inner)) = (outer.strip_suffix(OPENS), inner.strip_prefix(CLOSES)) {
        let start = outer.trim_end_matches(' ').len();
        return Some((
            At::Clear,
            start,
            text.len() - inner.trim_start_matches(' ').len(),
        ));
    }
    (before.ends_with(' ') && after.starts_with(' ')).then(|| (At::Word, place - 1, place + 3))
}

const OPENS: [char; 4] = ['(', '[', '{', '<'];
const CLOSES: [char; 4] = [')', ']', '}', '>'];

/// The place of the address around a sign.
fn address(text: &str, (at, from, to): (At, usize, usize)) -> Option<(usize, usize)> {
    let (start, spelled_before) = local(&text[..from])?;
    let (length, first, last, spelled_after) = domain(&text[to..])?;
    let name = &text[start..from];
    let proven = match at {
        At::Sign => spelled_before || spelled_after,
        At::Clear => true,
        At::Word => {
            let telling =
                name.contains(['.', '_']) || name.bytes().any(|byte| byte.is_ascii_digit());
            let provider = PROVIDERS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(first));
            let talk = TALK.iter().any(|word| word.eq_ignore_ascii_case(name));
            spelled_after && !talk && (provider || spelled_before || telling)
        }
    };
    (proven && tld::is_known(last)).then_some((start, to + length))
}

/// Where the part before the sign begins, and whether a dot in it is spelled.
fn local(before: &str) -> Option<(usize, bool)> {
    let is_part = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    let mut start = before.len();
    let mut spelled = false;
    for _ in 0..LABELS {
        let rest = &before[..start];
        let tail = rest
            .char_indices()
            .rev()
            .take(LABEL)
            .take_while(|(_, c)| is_part(*c));
        let part = tail.last().map_or(start, |(place, _)| place);
        if part == start {
            return None;
        }
        start = part;
        let Some(end) = dot_before(&before[..start]) else {
            break;
        };
        spelled = true;
        start = end;
    }
    if before.len() - start == 1 {
        start = letters(before, start);
    }
    let trimmed = before[start..].trim_start_matches(['.', '-', '%', '+']);
    (!trimmed.is_empty()).then(|| (before.len() - trimmed.len(), spelled))
}

/// Where a name in single letters begins, `j o h n`.
fn letters(before: &str, mut start: usize) -> usize {
    let bytes = before.as_bytes();
    for _ in 0..LABEL {
        match start.checked_sub(3).map(|from| &bytes[from..start]) {
            Some([b' ', letter, b' ']) if letter.is_ascii_alphanumeric() => start -= 2,
            _ if start == 2 && bytes[0].is_ascii_alphanumeric() && bytes[1] == b' ' => return 0,
            _ => break,
        }
    }
    start
}

/// The length of the domain behind the sign, its first and last labels, and whether a dot in it is spelled.
fn domain(after: &str) -> Option<(usize, &str, &str, bool)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '-';
    let label = |at: usize| {
        let rest = &after[at..];
        let length = rest
            .char_indices()
            .take(LABEL)
            .take_while(|(_, c)| is_part(*c));
        let length = length.last().map_or(0, |(place, c)| place + c.len_utf8());
        Some(&rest[..length]).filter(|label| !label.is_empty())
    };
    let first = label(0)?;
    let (mut last, mut end, mut spelled) = (first, first.len(), false);
    for _ in 0..LABELS {
        let Some((dot, is_spelled)) = dot_after(&after[end..]) else {
            break;
        };
        let Some(next) = label(end + dot) else {
            break;
        };
        // A word that follows a dot is a label if it can be.
        if is_spelled && end > first.len() && !tld::is_known(next) {
            break;
        }
        last = next;
        end += dot + next.len();
        spelled |= is_spelled;
    }
    (end > first.len()).then_some((end, first, last, spelled))
}

/// Ways to spell a dot.
const DOTS: [&str; 14] = [
    " dot ", " DOT ", " Dot ", " . ", "(dot)", "[dot]", "{dot}", "(DOT)", "[DOT]", "(.)", "[.]",
    "<dot>", " punkt ", "[punkt]",
];

fn dot_before(before: &str) -> Option<usize> {
    let tight = before.trim_end_matches(' ');
    let spelled = DOTS.iter().find_map(|dot| match dot.starts_with(' ') {
        true => before.strip_suffix(dot),
        false => tight
            .strip_suffix(dot)
            .map(|rest| rest.trim_end_matches(' ')),
    });
    spelled.map(str::len)
}

/// How long the dot at the beginning is, and whether it is spelled.
fn dot_after(after: &str) -> Option<(usize, bool)> {
    if after.starts_with('.') {
        return Some((1, false));
    }
    let tight = after.trim_start_matches(' ');
    let rest = DOTS.iter().find_map(|dot| match dot.starts_with(' ') {
        true => after.strip_prefix(dot),
        false => tight
            .strip_prefix(dot)
            .map(|rest| rest.trim_start_matches(' ')),
    });
    rest.map(|rest| (after.len() - rest.len(), true))
}

/// The address that is meant, lower-case.
pub(in crate::redact) fn canonical(value: &str) -> String {
    let value = value.to_lowercase();
    if !value.contains(|c: char| c.is_whitespace() || OPENS.contains(&c)) {
        return value;
    }
    let signed = value.contains('@');
    let words =
        value.split(|c: char| c.is_whitespace() || OPENS.contains(&c) || CLOSES.contains(&c));
    words
        .map(|word| match word {
            "at" if !signed => "@",
            "dot" | "punkt" => ".",
            word => word,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn addresses_are_found_however_they_are_spelled() {
        for (text, address) in [
            (
                "mail ann (at) example [dot] com!",
                "ann (at) example [dot] com",
            ),
            ("ann[at]example.com", "ann[at]example.com"),
            ("it is ann @ example.com, yes", "ann @ example.com"),
            ("ann@example dot com", "ann@example dot com"),
            ("a n n @ example.com", "a n n @ example.com"),
            ("to j o h n @ example.com", "j o h n @ example.com"),
            ("ann@example(.)co(.)uk", "ann@example(.)co(.)uk"),
            (
                "write to ann at gmail dot com please",
                "ann at gmail dot com",
            ),
            (
                "ann dot b AT example DOT org",
                "ann dot b AT example DOT org",
            ),
            ("ann . b @ example . com", "ann . b @ example . com"),
        ] {
            assert_eq!(found(Class::Email, text), [address], "{text}");
        }
    }

    #[test]
    fn talk_is_not() {
        for text in [
            "look at amazon dot com",
            "we met at noon. Then",
            "dinner @ home . ok",
            "meet (at) noon.Then",
            "3 @ 2.50 each",
            "@ example.com",
            "at gmail dot com",
            "I am at gmail dot com",
            "stay at the dot",
        ] {
            assert!(found(Class::Email, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_address_are_one() {
        for spelled in [
            "Ann (at) example [dot] com",
            "ann @ example.com",
            "ann at example dot com",
        ] {
            assert_eq!(canonical(spelled), "ann@example.com");
        }
    }
}
