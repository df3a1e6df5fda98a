//! Private keys in PEM (RFC 7468) and PGP's armour, whole or cut off.

use super::Text;
use crate::redact::class::Class;
use crate::redact::spans::Found;

const BEGIN: &str = "-----BEGIN ";

/// The longest label, `PGP PRIVATE KEY BLOCK` and the like.
const LABEL: usize = 48;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    let mut at = 0;
    while let Some(start) = text[at..].find(BEGIN).map(|place| at + place) {
        let label = start + BEGIN.len();
        let closes = text[label..]
            .find("-----")
            .filter(|length| *length <= LABEL);
        let kind = closes.and_then(|length| text.get(label..label + length));
        at = label;
        if kind.is_some_and(|kind| kind.contains("PRIVATE KEY")) {
            at = end(text, label);
            found.add(Class::PrivateKey, start, at);
        }
    }
}

/// Behind the line that ends the key; without one, all the rest: better too much than half a key.
fn end(text: &str, from: usize) -> usize {
    let Some(ends) = text[from..].find("-----END ").map(|place| from + place + 9) else {
        return text.len();
    };
    let closes = text[ends..].find("-----").filter(|length| *length <= LABEL);
    closes.map_or(ends, |length| ends + length + 5)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn keys_are_found_whole_and_public_ones_left() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----";
        let text = format!("here:\n{key}\nand {key}!");
        assert_eq!(found(Class::PrivateKey, &text), [key, key]);
        let public = "-----BEGIN PUBLIC KEY-----\nMIIE\n-----END PUBLIC KEY----- a private matter";
        assert!(found(Class::PrivateKey, public).is_empty());
    }

    #[test]
    fn of_a_key_that_is_cut_off_the_rest_is_taken() {
        let text = "-----BEGIN PRIVATE KEY-----\nMIIE";
        assert_eq!(found(Class::PrivateKey, text), [text]);
    }
}
