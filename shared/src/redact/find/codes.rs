//! Security codes of cards and personal identification numbers, by the words before them.

use super::digits::{continues_after, continues_before};
use super::tokens::words;
use super::{Text, cue};
use crate::redact::class::Class;
use crate::redact::spans::Found;

const CVV: [&str; 8] = [
    "cvv",
    "cvc",
    "cvv2",
    "cvc2",
    "card verification",
    "card verification value",
    "security code",
    "kartenprüfnummer",
];

const PIN: [&str; 4] = ["pin", "pincode", "geheimzahl", "passcode"];

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    for word in words(text) {
        let (start, end) = (word.start, word.end());
        let digits = word.text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || continues_before(text, start) || continues_after(text, end) {
            continue;
        }
        let said = |cues: &[&str]| cue::before(text, start, cues) || cue::after(text, end, cues);
        match word.text.len() {
            3 | 4 if said(&CVV) => found.add(Class::Cvv, start, end),
            4..=8 if said(&PIN) => found.add(Class::Pin, start, end),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn codes_are_found_by_their_names() {
        assert_eq!(found(Class::Cvv, "exp 01/27, CVV 123."), ["123"]);
        assert_eq!(found(Class::Cvv, "security code: 1234"), ["1234"]);
        assert_eq!(found(Class::Pin, "my PIN is 4711"), ["4711"]);
        assert_eq!(found(Class::Pin, "4711 is my pin"), ["4711"]);
        for text in [
            "pin 12",
            "spin 1234",
            "I pinned 1234",
            "PIN 123456789",
            "pin 12.34",
            "CVV 12",
            "security 101",
        ] {
            assert!(found(Class::Pin, text).is_empty(), "{text}");
            assert!(found(Class::Cvv, text).is_empty(), "{text}");
        }
    }
}
