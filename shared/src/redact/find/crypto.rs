//! Addresses of Bitcoin, by their checksums, and of Ethereum, by their shape: `0x` and forty hexadecimal
//! digits are little else. (Ethereum's checksum is in the case of its letters, and often not there.)

use super::tokens::words;
use super::{Text, base58, bech32};
use crate::redact::class::Class;
use crate::redact::spans::Found;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for word in words(text.text).filter(|word| word.text.len() >= 26) {
        let is_address = match word.text.as_bytes() {
            [b'0', b'x' | b'X', digits @ ..] => {
                digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit)
            }
            [b'1' | b'3', ..] => base58::is_address(word.text),
            [b'b' | b'B', ..] => bech32::is_address(word.text),
            _ => false,
        };
        if is_address {
            found.add(Class::Crypto, word.start, word.end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn addresses_are_found_among_other_words() {
        for address in [
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        ] {
            assert_eq!(
                found(Class::Crypto, &format!("to:{address}, please")),
                [address]
            );
            assert!(found(Class::Crypto, &format!("{address}1")).is_empty());
        }
        let hash = "8f953371d3e85eddb89b05ed6b9e680791055315c73e1025ab5dba7bb2aee189";
        assert!(found(Class::Crypto, hash).is_empty());
    }
}
