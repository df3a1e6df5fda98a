//! Social security numbers of the United States (3-2-4 digits) and the taxpayer's numbers of those who have
//! none (ITIN: the same shape, 9 first). <https://www.ssa.gov/employer/randomizationfaqs.html>

use super::digits::{self, Group, continues_after, continues_before};
use super::{Text, cue};
use crate::redact::class::Class;
use crate::redact::spans::Found;

const CUES: [&str; 9] = [
    "ssn",
    "social security",
    "social",
    "ss#",
    "ss",
    "itin",
    "taxpayer",
    "tax",
    "tin",
];

/// Numbers that were printed in advertisements, and are nobody's.
const SAMPLES: [&str; 4] = ["078051120", "219099999", "123456789", "987654321"];

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for row in text.rows() {
        let mut first = 0;
        while first < row.len() {
            first += number(text.text, row, first, found).unwrap_or(1);
        }
    }
}

/// How many groups, from the first on, are a number.
fn number(text: &str, row: &[Group], first: usize, found: &mut Found) -> Option<usize> {
    let rest = &row[first..];
    let lengths = |groups: usize| {
        rest.get(..groups)
            .map(|groups| groups.iter().map(|g| g.len()))
    };
    let is = |shape: &[usize]| lengths(shape.len()).is_some_and(|l| l.eq(shape.iter().copied()));
    let (groups, anchored) = if is(&[3, 2, 4]) {
        (3, true)
    } else if is(&[3, 6]) || is(&[5, 4]) {
        (2, false)
    } else if is(&[9]) {
        (1, false)
    } else {
        return None;
    };
    let (start, end) = (rest[0].start, rest[groups - 1].end);
    let between = |at: usize| {
        text.get(rest[at].end..rest[at + 1].start)
            .unwrap_or_default()
    };
    let separator = (groups > 1).then(|| between(0));
    let even = (1..groups - 1).all(|at| Some(between(at)) == separator);
    let known = match separator {
        None => true,
        Some(separator) if anchored => matches!(separator, "-" | " " | "."),
        Some(separator) => separator == "-",
    };
    // Digits that go on after a space are another sort of number.
    let apart = |near: Option<&str>| separator != Some(" ") || near != Some(" ");
    let alone = apart((first > 0).then(|| &text[row[first - 1].end..start]))
        && apart(rest.get(groups).map(|next| &text[end..next.start]));
    if !(even && known && alone) || continues_before(text, start) || continues_after(text, end) {
        return None;
    }
    let class = class_of(&digits::of(text, &rest[..groups]))?;
    if anchored || cue::before(text, start, &CUES) || cue::after(text, end, &CUES) {
        found.add(class, start, end);
    } else {
        found.add_shape(class, start, end);
    }
    Some(groups)
}

/// Which of the two nine digits can be.
fn class_of(number: &str) -> Option<Class> {
    let part = |range: std::ops::Range<usize>| number.get(range)?.parse::<u32>().ok();
    let (area, group, serial) = (part(0..3)?, part(3..5)?, part(5..9)?);
    let same = number
        .bytes()
        .all(|byte| Some(byte) == number.bytes().next());
    if group == 0 || serial == 0 || same || SAMPLES.contains(&number) {
        return None;
    }
    match (area, group) {
        (900.., 50..=65 | 70..=88 | 90..=92 | 94..=99) => Some(Class::UsItin),
        (0 | 666 | 900.., _) => None,
        _ => Some(Class::UsSsn),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, shapes};
    use super::*;

    #[test]
    fn numbers_in_three_parts_are_found() {
        for text in ["219-09-9998", "219 09 9998", "219.09.9998"] {
            assert_eq!(found(Class::UsSsn, text), [text]);
        }
        assert_eq!(found(Class::UsItin, "a 911-70-1234."), ["911-70-1234"]);
    }

    #[test]
    fn nine_digits_are_one_by_context_or_by_their_shape() {
        for text in ["219099998", "21909-9998", "219-099998"] {
            assert!(found(Class::UsSsn, text).is_empty());
            assert_eq!(shapes(Class::UsSsn, text), [text]);
            assert_eq!(found(Class::UsSsn, &format!("SSN: {text}")), [text]);
            assert_eq!(found(Class::UsSsn, &format!("{text} is my social")), [text]);
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "000-12-3456",
            "666-12-3456",
            "219-00-9999",
            "219-09-0000",
            "078-05-1120",
            "111-11-1111",
            "911-89-1234",
            "219-09.9998",
            "2190999981",
            "219-09-9998-1",
            "1219-09-9998",
            "219 09 9998 77",
        ] {
            assert!(shapes(Class::UsSsn, text).is_empty(), "{text}");
            assert!(shapes(Class::UsItin, text).is_empty(), "{text}");
        }
    }
}
