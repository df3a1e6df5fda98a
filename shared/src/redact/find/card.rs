//! Payment cards: 12 to 19 digits, in one piece or in the groups that cards show, with the prefix
//! and length of an issuer and a right check digit (ISO/IEC 7812: Luhn).
//!
//! One number in ten has a right check digit by chance, so the prefixes matter: without them ids and
//! timestamps would be taken for cards.

use super::Text;
use super::digits::{self, Group, continues_after, continues_before};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// What one group of a number in several has: 4-4-4-4, 4-6-5, 4-4-4-4-3, and 8-8 as some type it.
const GROUP: std::ops::RangeInclusive<usize> = 3..=8;

/// Digits of the longest number.
const LONGEST: usize = 19;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for row in text.rows() {
        let mut first = 0;
        while first < row.len() {
            match longest(text.text, &row[first..]) {
                Some(groups) => {
                    found.add(Class::Card, row[first].start, row[first + groups - 1].end);
                    first += groups;
                }
                None => first += 1,
            }
        }
    }
}

/// How many groups, from the first on, are one card; as many as possible, so that no end is left.
fn longest(text: &str, row: &[Group]) -> Option<usize> {
    let start = row.first()?.start;
    if continues_before(text, start) || text[..start].ends_with('+') {
        return None;
    }
    let mut total = 0;
    let mut best = None;
    for (index, group) in row.iter().enumerate() {
        total += group.len();
        let groups = &row[..=index];
        if total > LONGEST
            || !groups
                .windows(2)
                .next_back()
                .is_none_or(|pair| close(text, pair))
        {
            break;
        }
        let grouped = index == 0 || are_groups(text, groups);
        if grouped && total >= 12 && !continues_after(text, group.end) {
            let number = digits::of(text, groups);
            if issued(&number) && luhn(&number) {
                best = Some(index + 1);
            }
        }
    }
    best
}

/// A space or hyphen stands between the groups of a card, or both, or a dot.
fn close(text: &str, pair: &[Group]) -> bool {
    matches!(&text[pair[0].end..pair[1].start], " " | "-" | " - " | ".")
}

/// Whether they are groups as on a card, or digits in ones or twos, as nobody writes another number. With
/// dots between them only four and four are told from a version or an address.
fn are_groups(text: &str, groups: &[Group]) -> bool {
    let all = |length: usize| groups.iter().all(|group| group.len() == length);
    let dotted = text[groups[0].end..groups[1].start].starts_with('.');
    if dotted {
        return groups.len() == 4 && all(4);
    }
    all(1) || all(2) || groups.iter().all(|group| GROUP.contains(&group.len()))
}

/// Whether an issuer has numbers of this prefix and length (the ranges in use, somewhat rounded).
fn issued(number: &str) -> bool {
    let prefix: u32 = number
        .get(..4)
        .and_then(|four| four.parse().ok())
        .unwrap_or(0);
    let lengths = match prefix {
        // UATP
        1000..=1999 => 15..=15,
        // Mir, Mastercard's second range
        2200..=2204 => 16..=19,
        2221..=2720 => 16..=16,
        // Diners Club, JCB, American Express
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => 14..=19,
        3528..=3589 => 16..=19,
        3400..=3499 | 3700..=3799 => 15..=15,
        // Visa: 13 and 19 are rare, but real
        4000..=4999 => {
            return matches!(number.len(), 13 | 16 | 19);
        }
        // Mastercard; Maestro and others around it
        5100..=5599 => 16..=16,
        5000..=5099 | 5600..=5999 => 12..=19,
        // Discover, UnionPay, Maestro, RuPay
        6000..=6999 => 12..=19,
        // UnionPay and RuPay
        8100..=8299 => 16..=19,
        _ => return false,
    };
    lengths.contains(&number.len())
}

/// The check digit: every second digit from the right counts double, with its own digits added.
fn luhn(number: &str) -> bool {
    let sum: u32 = number
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit * 2) {
                (0, _) => digit,
                (_, double) if double > 9 => double - 9,
                (_, double) => double,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn cards_are_found_however_they_are_written() {
        for (text, cards) in [
            (
                "4012888888881881 4012-8888-8888-1881 4012 8888 8888 1881",
                vec![
                    "4012888888881881",
                    "4012-8888-8888-1881",
                    "4012 8888 8888 1881",
                ],
            ),
            ("amex 3782 822463 10005, thanks", vec!["3782 822463 10005"]),
            ("No.30569309025904/0127", vec!["30569309025904"]),
            ("6011000400000000.", vec!["6011000400000000"]),
            ("(3528000700000000)", vec!["3528000700000000"]),
            ("карта:5019717010103742", vec!["5019717010103742"]),
            ("2 4012888888881881", vec!["4012888888881881"]),
            ("4012.8888.8888.1881", vec!["4012.8888.8888.1881"]),
            (
                "is 4 0 1 2 8 8 8 8 8 8 8 8 1 8 8 1",
                vec!["4 0 1 2 8 8 8 8 8 8 8 8 1 8 8 1"],
            ),
            (
                "4012 - 8888 - 8888 - 1881",
                vec!["4012 - 8888 - 8888 - 1881"],
            ),
        ] {
            assert_eq!(found(Class::Card, text), cards, "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            // A wrong check digit.
            "4012-8888-8888-1882",
            // Right check digits, but no issuer's: milliseconds, an id, zeros, a tracking number.
            "1700000000004",
            "9205500000000000000007",
            "0000000000000000",
            // Part of something longer: a UUID, a token, a decimal.
            "abcdefab-4012-8888-8888-188100000000",
            "x4012888888881881",
            "id-4012888888881881-7",
            "0.4012888888881881",
            "+4012888888881881",
            "4012.8888-8888.1882",
            "401.288.888.888.188.1",
        ] {
            assert!(found(Class::Card, text).is_empty(), "{text}");
        }
    }
}
