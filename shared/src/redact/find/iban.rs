//! International bank account numbers (ISO 13616): a country, two check digits, and as many letters and
//! digits as that country has, in one piece or in groups; the whole modulo 97 is 1.

use super::Text;
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// Countries and the lengths of their numbers, from SWIFT's registry.
const LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 \
    DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 \
    IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 \
    NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 \
    TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    scan(text.text, |bytes, at| {
        let length = number(bytes)?;
        found.add(Class::Iban, at, at + length);
        Some(length)
    });
}

/// How many bytes from the first on are a number.
fn number(bytes: &[u8]) -> Option<usize> {
    let (characters, end) = resembling(bytes)?;
    // Nobody writes one letter in another case than the rest.
    let cases = |is: fn(&u8) -> bool| bytes[..end].iter().any(is);
    let mixed = cases(u8::is_ascii_lowercase) && cases(u8::is_ascii_uppercase);
    (!mixed && remainder(&characters) == 1).then_some(end)
}

/// What has a country, its length, and nothing else of a number: its characters, and its bytes.
fn resembling(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let [one, two, b'0'..=b'9', b'0'..=b'9', ..] = bytes else {
        return None;
    };
    let wanted = length_of([one.to_ascii_uppercase(), two.to_ascii_uppercase()])?;
    let mut characters = Vec::with_capacity(wanted);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if byte.is_ascii_alphanumeric() => characters.push(byte.to_ascii_uppercase()),
            b' ' | b'-' if bytes[at - 1].is_ascii_alphanumeric() => continue,
            _ => return None,
        }
        if characters.len() == wanted {
            let goes_on = bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
            return (!goes_on).then_some((characters, at + 1));
        }
    }
    None
}

/// The places of what resembles a number, whether it is one or is mistyped, so that no part of it is taken
/// for a phone or a card.
pub(super) fn places(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut places = Vec::new();
    scan(text, |bytes, at| {
        let length = resembling(bytes)?.1;
        places.push(at..at + length);
        Some(length)
    });
    places
}

/// Tries each place where a word begins; what is tried says how far to go on.
fn scan(text: &str, mut try_at: impl FnMut(&[u8], usize) -> Option<usize>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + 4 < bytes.len() {
        let begins = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        let length = if begins {
            try_at(&bytes[at..], at)
        } else {
            None
        };
        at += length.unwrap_or(1);
    }
}

fn length_of(country: [u8; 2]) -> Option<usize> {
    let known = LENGTHS
        .split(' ')
        .find(|known| known.as_bytes().starts_with(&country))?;
    known.get(2..)?.parse().ok()
}

/// The number modulo 97, its first four characters moved to the end, letters counting from 10 on.
fn remainder(characters: &[u8]) -> u32 {
    let (head, tail) = characters.split_at(4);
    tail.iter().chain(head).fold(0, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn numbers_of_a_right_length_and_remainder_are_found() {
        for (text, number) in [
            ("GB29NWBK60161331926819.", "GB29NWBK60161331926819"),
            ("gb29 nwbk 6016 1331 9268 19", "gb29 nwbk 6016 1331 9268 19"),
            (
                "IBAN:DE89-3704-0044-0532-0130-00",
                "DE89-3704-0044-0532-0130-00",
            ),
            ("NO93 8601 1117 947 is mine", "NO93 8601 1117 947"),
            ("BE68 5390 0754 7034 EUR", "BE68 5390 0754 7034"),
        ] {
            assert_eq!(found(Class::Iban, text), [number], "{text}");
        }
    }

    #[test]
    fn others_are_not() {
        for text in [
            "GB29NWBK60161331926818",
            "XGB29NWBK60161331926819",
            "GB29NWBK601613319268191",
            "GB29 nWBK 6016 1331 9268 19",
            "GB29/NWBK/6016/1331/9268/19",
            "GB29  NWBK 6016 1331 9268 19",
            "ZZ29NWBK60161331926819",
            "GB29",
            "G\u{e9}29NWBK60161331926819",
        ] {
            assert!(found(Class::Iban, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_mistyped_is_no_phone_or_card_either() {
        for text in ["NL91 ABNA 0417 1643 01", "RS35 2600 0560 1001 6113 70"] {
            for class in [Class::Iban, Class::Phone, Class::Card] {
                assert!(found(class, text).is_empty(), "{text}");
            }
        }
    }
}
