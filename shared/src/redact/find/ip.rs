//! IPv4 and IPv6 addresses, and networks of them (`/24`).

use std::net::Ipv6Addr;

use super::{Text, cue};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// `::` alone, `a::1` or `dead::beef` is one only beside such a word.
const CUES: [&str; 8] = [
    "ip", "ipv6", "address", "addr", "host", "src", "dst", "gateway",
];

/// The longest notation of an IPv6 address.
const LONGEST: usize = 45;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let bytes = text.text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let length = bytes[at..]
            .iter()
            .take_while(|byte| is_part(**byte))
            .count();
        let end = at + length;
        let colons = bytes[at..end].iter().filter(|byte| **byte == b':').count();
        if colons < 2 || !v6(text.text, at, end, found) {
            v4s(bytes, at, end, found);
        }
        at = end + 1;
    }
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

/// Whether the run, but for a colon or dot around it, is an address.
fn v6(text: &str, mut start: usize, mut end: usize, found: &mut Found) -> bool {
    let bytes = text.as_bytes();
    let inside = |at: usize| {
        at.checked_sub(1)
            .is_some_and(|before| is_word(bytes[before]))
    };
    let run = &bytes[start..end];
    if inside(start) {
        // The end of a word before: `Node:2001:db8::1`.
        let Some(word) = run.iter().position(|byte| *byte == b':') else {
            return false;
        };
        if word == 0 || !run[..word].iter().all(u8::is_ascii_alphabetic) {
            return false;
        }
        start += word + 1;
    } else if run[0] == b':' && run[1] != b':' {
        start += 1;
    }
    while end > start && bytes[end - 1] == b'.' {
        end -= 1;
    }
    if bytes[start..end].ends_with(b":") && !bytes[start..end].ends_with(b"::") {
        end -= 1;
    }
    let Some(run) = text.get(start..end).filter(|run| run.len() <= LONGEST) else {
        return false;
    };
    if run.parse::<Ipv6Addr>().is_err() || bytes.get(end).is_some_and(|byte| is_word(*byte)) {
        return false;
    }
    let end = end + zone(&bytes[end..]);
    let network = prefix(&bytes[end..], 128);
    let proven = network > 0 || is_telling(run) || cue::before(text, start, &CUES);
    if proven {
        found.add(Class::IpAddress, start, end + network);
    } else {
        found.add_shape(Class::IpAddress, start, end);
    }
    true
}

/// Whether it is no path in code and no time: `a::b`, `10:30::45`.
fn is_telling(run: &str) -> bool {
    let first = run.split(':').next().unwrap_or_default();
    let groups = run.split(':').filter(|group| !group.is_empty()).count();
    run.bytes().any(|byte| byte.is_ascii_digit())
        && (first.is_empty() || first.len() > 2 || groups > 3)
}

/// How many bytes are the interface of a link-local address, `%eth0` (RFC 4007).
fn zone(bytes: &[u8]) -> usize {
    let Some((b'%', rest)) = bytes.split_first() else {
        return 0;
    };
    let letters = rest
        .iter()
        .take(16)
        .take_while(|byte| byte.is_ascii_alphanumeric());
    match letters.count() {
        0 => 0,
        length => 1 + length,
    }
}

/// The addresses in a run; digits may go on after one, as in `10.0.0.1.5`.
fn v4s(bytes: &[u8], from: usize, to: usize, found: &mut Found) {
    let mut at = from;
    while at < to {
        let begins = match at.checked_sub(1).map(|before| bytes[before]) {
            Some(b'.') => at < 2 || !bytes[at - 2].is_ascii_digit(),
            Some(byte) => !is_word(byte),
            None => true,
        };
        let length = if begins { v4(&bytes[at..to]) } else { None };
        match length.filter(|length| !bytes.get(at + length).is_some_and(|byte| is_word(*byte))) {
            Some(length) => {
                let end = at + length;
                found.add(Class::IpAddress, at, end + prefix(&bytes[end..], 32));
                at = end;
            }
            None => at += 1,
        }
    }
}

/// How many bytes are four numbers up to 255 with dots between.
fn v4(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for number in 0..4 {
        if number > 0 {
            at += usize::from(*bytes.get(at)? == b'.');
            if bytes[at - 1] != b'.' {
                return None;
            }
        }
        let digits = bytes[at..]
            .iter()
            .take(4)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let value = bytes[at..at + digits]
            .iter()
            .fold(0, |value, byte| value * 10 + u32::from(byte - b'0'));
        if !(1..=3).contains(&digits) || value > 255 {
            return None;
        }
        at += digits;
    }
    Some(at)
}

/// How many bytes are the size of a network, `/24`.
fn prefix(bytes: &[u8], most: u32) -> usize {
    let Some((b'/', rest)) = bytes.split_first() else {
        return 0;
    };
    let digits = rest
        .iter()
        .take(4)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let size = rest[..digits]
        .iter()
        .fold(0, |size, byte| size * 10 + u32::from(byte - b'0'));
    let ends = !rest.get(digits).is_some_and(|byte| is_word(*byte));
    if (1..=3).contains(&digits) && size <= most && ends {
        1 + digits
    } else {
        0
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, shapes};
    use super::*;

    #[test]
    fn addresses_and_networks_are_found() {
        for (text, address) in [
            ("from 192.168.1.1, then", "192.168.1.1"),
            ("ip:10.0.0.1:8080", "10.0.0.1"),
            ("192.168.1.1.1", "192.168.1.1"),
            ("10.0.0.0/8.", "10.0.0.0/8"),
            ("10.0.0.0/99", "10.0.0.0"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("Node:2001:db8::1.", "2001:db8::1"),
            ("is 2001:db8::1: fine", "2001:db8::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("text::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::/10", "fe80::/10"),
            ("on fe80::1%eth0, yes", "fe80::1%eth0"),
            ("src=:: x", "::"),
        ] {
            assert_eq!(found(Class::IpAddress, text), [address], "{text}");
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "192.168.1",
            "192.168.1.256",
            "v1.2.3.4",
            "1.2.3.4a",
            "12:34:56",
            "aa:bb:cc:dd:ee:ff",
            "12345:db8::1",
            "2001::db8::1",
            ":::",
            "text2001:db8::1",
            "gggg::1234",
            "std::net",
            "a:b",
            "1.2.3.1234",
        ] {
            assert!(shapes(Class::IpAddress, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_may_be_code_or_a_time_is_one_by_context_or_by_its_shape() {
        for text in [":: so", "dead::beef", "a::1", "10:30::45"] {
            assert!(found(Class::IpAddress, text).is_empty(), "{text}");
            assert_eq!(shapes(Class::IpAddress, text).len(), 1, "{text}");
            assert_eq!(
                found(Class::IpAddress, &format!("ip {text}")).len(),
                1,
                "{text}"
            );
        }
    }
}
