//! Phone numbers, by their shape: international with `+`, an area code in parentheses, the North
//! American 3-3-4, national ones with a leading 0, and any number of that length after a word
//! such as "phone". Whether a number is in service somewhere needs tables, which come later.
//!
//! What a shape must not match: dates, times, IP addresses, versions, decimals, order numbers.

use super::digits::{self, Group, continues_after, continues_before};
use super::{Text, cue};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// Digits of a number with its country's code (ITU-T E.164), and without.
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;
const NATIONAL: std::ops::RangeInclusive<usize> = 8..=12;
const ANY: std::ops::RangeInclusive<usize> = 7..=15;

/// Words that make a number beside them a phone number.
const CUES: [&str; 10] = [
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "fax",
    "whatsapp",
    "call",
    "telefon",
    "handy",
];

/// Phrases that do so only right before it.
const PHRASES: [&str; 9] = [
    "my number",
    "our number",
    "his number",
    "her number",
    "contact",
    "contact number",
    "text me at",
    "reach me at",
    "reach me on",
];

/// How far before a number such a word may stand, in bytes.
const CUE_DISTANCE: usize = 24;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for row in text.rows() {
        let (mut first, mut free) = (0, 0);
        while first < row.len() {
            let apart = first == free || !adjacent(text.text, &row[first - 1..=first]);
            match number(text.text, row, first, apart) {
                Some((start, groups)) => {
                    found.add(Class::Phone, start, row[first + groups - 1].end);
                    first += groups;
                    free = first;
                }
                None => {
                    if found.takes_shapes() && is_national(text.text, row[first]) {
                        found.add_shape(Class::Phone, row[first].start, row[first].end);
                    }
                    first += 1;
                }
            }
        }
    }
}

/// Ten digits as in North America, or a leading 0 and as many as elsewhere, with nothing between: an order's
/// number looks the same.
fn is_national(text: &str, group: Group) -> bool {
    let length = group.len();
    let fits = match text.as_bytes()[group.start] {
        b'0' => (10..=11).contains(&length),
        first => first > b'1' && length == 10,
    };
    fits && !continues_before(text, group.start) && !continues_after(text, group.end)
}

/// Where a number begins that has `first` for its first group, and how many groups it has. `apart`
/// says that no other group stands right before it, but for one of another number.
fn number(text: &str, row: &[Group], first: usize, apart: bool) -> Option<(usize, usize)> {
    let (row, at) = (&row[first..], row[first].start);
    // `+` and `(` belong to the number.
    let opened = text[..at].strip_suffix('(').map_or(at, str::len);
    let start = text[..opened].strip_suffix('+').map_or(opened, str::len);
    if continues_before(text, start) {
        return None;
    }
    let groups = if start < opened {
        international(text, row)
    } else {
        north_american(text, row)
            .or_else(|| bracketed(text, row, opened < at))
            .or_else(|| national(text, row).filter(|_| apart))
            .or_else(|| cued(text, row, start))
    }?;
    let end = row[groups - 1].end;
    (!continues_after(text, end)).then_some((start, groups))
}

/// After a `+`: a country's code, and as many groups as a number has digits.
fn international(text: &str, row: &[Group]) -> Option<usize> {
    let groups = fitting(text, row, *INTERNATIONAL.end());
    let number = digits::of(text, &row[..groups]);
    let round = row[1..groups]
        .iter()
        .all(|group| text[group.start..group.end].bytes().all(|b| b == b'0'));
    let plausible = match number.as_bytes() {
        [b'0', ..] => false,
        // North America's numbers have ten digits behind the 1.
        [b'1', ..] => number.len() == 11,
        _ => groups == 1 || !round,
    };
    (plausible && INTERNATIONAL.contains(&number.len())).then_some(groups)
}

/// `555-0132` is too short to be told from a range, but 3-3-4 is a number: `415-555-0132`,
/// `(415) 555-0132`, `1 415 555 0132`, and with another country's code before it.
fn north_american(text: &str, row: &[Group]) -> Option<usize> {
    let lengths: Vec<usize> = row.iter().take(4).map(|group| group.len()).collect();
    let (code, groups) = match lengths.as_slice() {
        [3, 3, 4, ..] => (0, 3),
        [1..=3, 3, 3, 4] => (1, 4),
        _ => return None,
    };
    let area = text.as_bytes().get(row[code].start)?;
    let together = row[..groups].windows(2).all(|pair| adjacent(text, pair));
    (together && (b'2'..=b'9').contains(area)).then_some(groups)
}

/// An area code in parentheses, then the rest: `(030) 1234567`, `44 (20) 7946 0958`.
fn bracketed(text: &str, row: &[Group], opened: bool) -> Option<usize> {
    let inner = usize::from(!opened);
    let (area, next) = (row.get(inner)?, row.get(inner + 1)?);
    let closes = text[area.end..next.start].starts_with(')');
    let opens = opened || text[row[0].end..area.start].ends_with('(');
    if !(opens && closes && (1..=5).contains(&area.len()) && (opened || row[0].len() <= 3)) {
        return None;
    }
    let groups = fitting(text, row, *ANY.end());
    let total = total(&row[..groups]);
    (groups > inner + 1 && INTERNATIONAL.contains(&total)).then_some(groups)
}

/// A leading 0 and at least two groups: `09-7625400`, `0171/1234567`, `01 23 45 67 89`, `0049 30 …`.
fn national(text: &str, row: &[Group]) -> Option<usize> {
    let most = match text.as_bytes().get(row[0].start..row[0].end)? {
        [b'0', b'0', b'1'..=b'9', ..] => *ANY.end(),
        [b'0', b'1'..=b'9', ..] => *NATIONAL.end(),
        _ => return None,
    };
    let groups = fitting(text, row, most);
    // A longer row of groups is another sort of number.
    let goes_on = row.len() > groups && adjacent(text, &row[groups - 1..=groups]);
    let long_enough = total(&row[..groups]) >= *NATIONAL.start();
    (groups > 1 && long_enough && !goes_on && !is_date(row)).then_some(groups)
}

/// Anything of the right length, when a word before it says what it is.
fn cued(text: &str, row: &[Group], start: usize) -> Option<usize> {
    let groups = fitting(text, row, *ANY.end());
    let total = total(&row[..groups]);
    let said = || has_cue(&text[..start]) || cue::before(text, start, &PHRASES);
    (ANY.contains(&total) && !is_date(row) && said()).then_some(groups)
}

fn has_cue(before: &str) -> bool {
    let mut from = before.len().saturating_sub(CUE_DISTANCE);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let line = before[from..].rsplit('\n').next().unwrap_or_default();
    line.split(|c: char| !c.is_alphanumeric())
        .any(|word| CUES.iter().any(|cue| word.eq_ignore_ascii_case(cue)))
}

/// How many groups fit into so many digits and stand together.
fn fitting(text: &str, row: &[Group], most: usize) -> usize {
    let mut total = 0;
    let mut groups = 0;
    for (index, group) in row.iter().enumerate() {
        total += group.len();
        if total > most || (index > 0 && !adjacent(text, &row[index - 1..=index])) {
            break;
        }
        groups = index + 1;
    }
    groups.max(1)
}

/// Whether two groups stand as in one number: a single separator, or a parenthesis and a space.
fn adjacent(text: &str, pair: &[Group]) -> bool {
    let [one, other] = pair else {
        return false;
    };
    let between = &text[one.end..other.start];
    between.chars().count() == 1 && between != "(" || matches!(between, ") " | " (" | ")-" | ") (")
}

/// Day, month and year in some order.
fn is_date(row: &[Group]) -> bool {
    let lengths: Vec<usize> = row.iter().take(3).map(|group| group.len()).collect();
    matches!(lengths.as_slice(), [1 | 2, 1 | 2, 4] | [4, 1 | 2, 1 | 2])
}

fn total(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, shapes};
    use super::*;

    #[test]
    fn numbers_are_found_in_the_shapes_people_write() {
        for (text, numbers) in [
            ("My Israeli number is 09-7625400", vec!["09-7625400"]),
            ("US: (415)555-0132", vec!["(415)555-0132"]),
            (
                "415-555-0132, 415.555.0132 or 415 555 0132",
                vec!["415-555-0132", "415.555.0132", "415 555 0132"],
            ),
            (
                "91-415-555-0132 and 1 (415) 555-0132",
                vec!["91-415-555-0132", "1 (415) 555-0132"],
            ),
            ("+91 4155550132", vec!["+91 4155550132"]),
            ("+55 11 98456 5666", vec!["+55 11 98456 5666"]),
            ("+30 21 0 1234567!", vec!["+30 21 0 1234567"]),
            ("tel:+14155550132", vec!["+14155550132"]),
            ("+49 (30) 1234567", vec!["+49 (30) 1234567"]),
            ("(030) 1234567", vec!["(030) 1234567"]),
            (
                "0171/1234567; 01 23 45 67 89",
                vec!["0171/1234567", "01 23 45 67 89"],
            ),
            ("call me: 4155550132", vec!["4155550132"]),
            ("My number is 4155550132", vec!["4155550132"]),
            ("my phone number is 98765 43210", vec!["98765 43210"]),
            (
                "手机13800138000，phone13800138000: phone 13800138000",
                vec!["13800138000"],
            ),
        ] {
            assert_eq!(found(Class::Phone, text), numbers, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "in 2023, 2023-10-05, 05.10.2023, 01/02/2023 and 1/2/2023",
            "2023-10-05T12:34:56.123456+02:00 or 2023-10-05 12:34:56 +0200",
            "01.02.2023 14:30",
            "20231005123456",
            "10.0.0.1, 192.168.100.200, 127.0.0.1:54321",
            "v1.24.3456 and 0.12345678 or 0.5 0.75",
            "order 4155550132, number 12345678, ticket 123-4567",
            "ISBN 978-0-306-40615-7",
            "550e8400-e29b-41d4-a716-446655440000",
            "12345678-1234-1234-1234-123456789012",
            "+1 000 000 people, +500 000 000, 1 000 000 000",
            "123-45-6789",
            "3.14159265358979",
            "pages 100-1234",
            "12:30-14:45",
            "1,234,567,890",
            "the hotel 12345678",
        ] {
            assert_eq!(found(Class::Phone, text), [""; 0], "{text}");
        }
    }

    #[test]
    fn digits_in_one_piece_are_one_by_their_shape() {
        for text in ["4155550132", "07911123456"] {
            assert!(found(Class::Phone, text).is_empty(), "{text}");
            assert_eq!(shapes(Class::Phone, text), [text]);
        }
        for text in ["1234567890", "41555501321", "20231005123456"] {
            assert!(shapes(Class::Phone, text).is_empty(), "{text}");
        }
    }
}
