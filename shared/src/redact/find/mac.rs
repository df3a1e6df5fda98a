//! Addresses of network cards: six pairs of hexadecimal digits, or three groups of four as Cisco has them.

use super::Text;
use crate::redact::class::Class;
use crate::redact::spans::Found;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let bytes = text.text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let length = address(bytes, at).unwrap_or(0);
        found.add(Class::MacAddress, at, at + length);
        at += length.max(1);
    }
}

/// How many bytes from `at` on are an address.
fn address(bytes: &[u8], at: usize) -> Option<usize> {
    let separator = |place: usize| bytes.get(at + place).copied();
    let (size, length, separator) = match (separator(2), separator(4)) {
        (Some(colon @ (b':' | b'-')), _) => (2, 17, colon),
        (_, Some(b'.')) => (4, 14, b'.'),
        _ => return None,
    };
    let whole = bytes.get(at..at + length)?;
    let fits = |(place, byte): (usize, &u8)| match place % (size + 1) {
        last if last == size => *byte == separator,
        _ => byte.is_ascii_hexdigit(),
    };
    if !whole.iter().enumerate().all(fits) {
        return None;
    }
    // Nobody's, and everybody's.
    let only = |digit: u8| {
        let mut digits = whole.iter().filter(|byte| byte.is_ascii_hexdigit());
        digits.all(|byte| byte.eq_ignore_ascii_case(&digit))
    };
    let before = at.checked_sub(1).map(|before| bytes[before]);
    let goes_on = |near: Option<u8>, next: Option<u8>| match near {
        Some(byte) if byte == separator => next.is_some_and(|byte| byte.is_ascii_hexdigit()),
        Some(byte) => byte.is_ascii_alphanumeric(),
        None => false,
    };
    let alone = !goes_on(before, at.checked_sub(2).map(|before| bytes[before]))
        && !goes_on(
            bytes.get(at + length).copied(),
            bytes.get(at + length + 1).copied(),
        );
    (alone && !only(b'0') && !only(b'f')).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn addresses_are_found_in_three_notations() {
        for (text, address) in [
            ("aa:bb:cc:dd:ee:ff", "aa:bb:cc:dd:ee:ff"),
            ("MAC:0d-B3-4a-6A-d9-cF.", "0d-B3-4a-6A-d9-cF"),
            ("at 001a.2b3c.4d5e", "001a.2b3c.4d5e"),
        ] {
            assert_eq!(found(Class::MacAddress, text), [address], "{text}");
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "00:00:00:00:00:00",
            "FF-ff-FF-ff-FF-ff",
            "ZZ:ZZ:ZZ:ZZ:ZZ:ZZ",
            "00:1A-2B:3C:4D:5E",
            "00:1A:2B:3C:4D",
            "00:1A:2B:3C:4D:5E:6F",
            "x00:1A:2B:3C:4D:5E",
            "12:34:56",
        ] {
            assert!(found(Class::MacAddress, text).is_empty(), "{text}");
        }
    }
}
