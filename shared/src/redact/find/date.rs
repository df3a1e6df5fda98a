//! Dates: in digits (`5/20/2021`, `20.5.21`, `05/2021`, `5/21`), with the name of a month (`21-May`,
//! `May 21, 2021`), and ISO 8601 with its time.

/// A date; byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether it has a day, a month and a year.
    pub(super) whole: bool,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// All dates of a text, in order.
pub(super) fn dates(text: &str) -> Vec<Date> {
    let bytes = text.as_bytes();
    let mut dates = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        match date(text, at) {
            Some((end, whole)) => {
                dates.push(Date {
                    start: at,
                    end,
                    whole,
                });
                at = end;
            }
            None => at += run(bytes, at, |byte| byte.is_ascii_alphanumeric()),
        }
    }
    dates
}

/// Where the date that begins at `at` ends, and whether it is a whole one.
fn date(text: &str, at: usize) -> Option<(usize, bool)> {
    let bytes = text.as_bytes();
    if !bytes[at].is_ascii_digit() {
        return month_first(bytes, at);
    }
    let before = at
        .checked_sub(2)
        .map(|before| (bytes[before], bytes[before + 1]));
    if matches!(before, Some((b'0'..=b'9', b'/' | b'-' | b'.'))) {
        return None;
    }
    numeric(bytes, at).or_else(|| day_first(bytes, at))
}

/// Numbers with one sort of sign between.
fn numeric(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let (one, sign) = number(bytes, at)?;
    let separator = *bytes
        .get(sign)
        .filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    let (two, end) = number(bytes, sign + 1)?;
    let third = (bytes.get(end) == Some(&separator))
        .then(|| number(bytes, end + 1))
        .flatten();
    let lengths = (sign - at, end - sign - 1);
    if let Some((three, last)) = third {
        let fits = match (lengths, last - end - 1) {
            ((4, 1 | 2), 1 | 2) => (1000..3000).contains(&one) && is_day(two, three),
            ((1 | 2, 1 | 2), 2 | 4) => is_day(one, two) || is_day(two, one),
            _ => false,
        };
        let last = if fits && lengths.0 == 4 {
            time(bytes, last)
        } else {
            last
        };
        return (fits && ends(bytes, last, separator)).then_some((last, true));
    }
    let fits = match (lengths, separator) {
        ((1 | 2, 4), b'/' | b'-') => (1..=12).contains(&one) && (1900..2100).contains(&two),
        // Day and night is no day.
        ((2, 1), b'/') if (one, two) == (24, 7) => false,
        // A month and a day in either order, or a month and a year as on a card.
        ((1 | 2, length), b'/') if length <= 2 => {
            is_day(one, two) || is_day(two, one) || (length == 2 && is_day(one, 1))
        }
        _ => false,
    };
    (fits && ends(bytes, end, separator)).then_some((end, false))
}

fn is_day(month: u32, day: u32) -> bool {
    (1..=12).contains(&month) && (1..=31).contains(&day)
}

/// `T14:30`, with seconds, their parts, and the offset or not.
fn time(bytes: &[u8], at: usize) -> usize {
    let two = |at: usize| run(bytes, at, |byte| byte.is_ascii_digit()) == 2;
    let is = |at: usize, signs: &[u8]| bytes.get(at).is_some_and(|byte| signs.contains(byte));
    if !(is(at, b"T") && two(at + 1) && is(at + 3, b":") && two(at + 4)) {
        return at;
    }
    let mut end = at + 6;
    if is(end, b":") && two(end + 1) {
        end += 3;
        let parts = run(bytes, end + 1, |byte| byte.is_ascii_digit());
        if is(end, b".") && parts > 0 {
            end += 1 + parts;
        }
    }
    if is(end, b"Z") {
        end += 1;
    } else if is(end, b"+-") && two(end + 1) && is(end + 3, b":") && two(end + 4) {
        end += 6;
    } else if is(end, b"+-") && run(bytes, end + 1, |byte| byte.is_ascii_digit()) == 4 {
        end += 5;
    }
    end
}

/// `21-May`, `21 May 2021`, `21st of May, 2021`.
fn day_first(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let (day, end) = number(bytes, at).filter(|(_, end)| end - at <= 2)?;
    let end = end + ordinal(bytes, end);
    let next = gap(bytes, end, &[b" of ", b" ", b"-", b"/", b". "])?;
    let end = next + month(bytes, next)?;
    let (end, year) = year(bytes, end);
    ((1..=31).contains(&day) && ends(bytes, end, b'-')).then_some((end, year))
}

/// `May-21`, `May 21st, 2021`, `May 2021`.
fn month_first(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let name = at + month(bytes, at)?;
    let next = gap(bytes, name, &[b" ", b"-", b"/", b". ", b" the "])?;
    let (number, end) = number(bytes, next)?;
    let (end, whole) = match end - next {
        4 if (1000..3000).contains(&number) => (end, false),
        1 | 2 => {
            let end = end + ordinal(bytes, end);
            year(bytes, end)
        }
        _ => return None,
    };
    ends(bytes, end, b'-').then_some((end, whole))
}

/// How many bytes are the name of a month, or its first three letters (four of September).
fn month(bytes: &[u8], at: usize) -> Option<usize> {
    let length = run(bytes, at, |byte| byte.is_ascii_alphabetic());
    let word = &bytes[at..at + length];
    let is = |name: &&str| {
        let name = name.as_bytes();
        let short = length == 3 || (length == 4 && name[0] == b's');
        name.eq_ignore_ascii_case(word)
            || (short
                && name
                    .get(..length)
                    .is_some_and(|short| short.eq_ignore_ascii_case(word)))
    };
    MONTHS.iter().any(is).then_some(length)
}

/// A year after a day and a month, if there is one, and whether there is.
fn year(bytes: &[u8], at: usize) -> (usize, bool) {
    let digits = |start: usize| run(bytes, start, |byte| byte.is_ascii_digit());
    match gap(bytes, at, &[b", ", b" ", b"-", b"/", b","]) {
        Some(start) if digits(start) == 4 => (start + 4, true),
        Some(start) if bytes[at] == b'-' && digits(start) == 2 => (start + 2, true),
        _ => (at, false),
    }
}

fn ordinal(bytes: &[u8], at: usize) -> usize {
    let next = bytes.get(at..at + 2);
    let is = |ending: &&[u8; 2]| next.is_some_and(|next| next.eq_ignore_ascii_case(*ending));
    if [b"st", b"nd", b"rd", b"th"].iter().any(is) {
        2
    } else {
        0
    }
}

/// Behind the first of these that stands at `at`.
fn gap(bytes: &[u8], at: usize, known: &[&[u8]]) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let gap = known.iter().find(|gap| rest.starts_with(gap))?;
    Some(at + gap.len())
}

/// A number of up to four digits, and where it ends.
fn number(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let length = run(bytes, at, |byte| byte.is_ascii_digit());
    let digits = bytes
        .get(at..at + length)
        .filter(|_| (1..=4).contains(&length))?;
    let value = digits
        .iter()
        .fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
    Some((value, at + length))
}

/// How many bytes from `at` on pass; no more than a number or a word of ours has.
fn run(bytes: &[u8], at: usize, passes: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| passes(**byte)).count()
}

/// Whether neither a word nor a number goes on.
fn ends(bytes: &[u8], at: usize, separator: u8) -> bool {
    match bytes.get(at) {
        Some(byte) if *byte == separator => {
            !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric)
        }
        Some(byte) => !byte.is_ascii_alphanumeric(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, bool)> {
        let dates = dates(text);
        dates
            .iter()
            .map(|date| (&text[date.start..date.end], date.whole))
            .collect()
    }

    #[test]
    fn dates_are_found_in_the_ways_they_are_written() {
        for (text, date, whole) in [
            ("on 5-20-2021.", "5-20-2021", true),
            ("on 21.5.21, a", "21.5.21", true),
            ("2021/05/20", "2021/05/20", true),
            ("5-May-2021", "5-May-2021", true),
            ("May-21", "May-21", false),
            ("21-May", "21-May", false),
            ("5/21", "5/21", false),
            ("05/2021", "05/2021", false),
            ("exp. 12/47", "12/47", false),
            (
                ",2024-03-15T14:30:00.123456Z or",
                "2024-03-15T14:30:00.123456Z",
                true,
            ),
            (
                "2024-12-31T23:59:59+00:00",
                "2024-12-31T23:59:59+00:00",
                true,
            ),
            ("2024-03-15 at", "2024-03-15", true),
            ("May 21st, 2021", "May 21st, 2021", true),
            ("21st of May 2021", "21st of May 2021", true),
            ("Sept. 3", "Sept. 3", false),
            ("March 1987", "March 1987", false),
        ] {
            assert_eq!(found(text), [(date, whole)], "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "is5/21",
            "5/21and",
            "13/32",
            "10.0.0.1",
            "1.5",
            "415-555-0132",
            "1/2/3/4",
            "2024-13-01",
            "maybe 5",
            "may I",
            "12:30",
            "1234567",
            "24/7",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
