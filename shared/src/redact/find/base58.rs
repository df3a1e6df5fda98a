//! Base58Check, the notation of Bitcoin's older addresses:
//! <https://en.bitcoin.it/wiki/Base58Check_encoding>

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// A version, a hash of 20 bytes, a checksum of 4.
const LENGTH: usize = 25;

/// Whether a word of 26 to 35 characters decodes to an address with a right checksum.
pub(super) fn is_address(word: &str) -> bool {
    (26..=35).contains(&word.len()) && checks(word).unwrap_or(false)
}

fn checks(word: &str) -> Option<bool> {
    let mut bytes = [0_u8; LENGTH];
    for letter in word.bytes() {
        let mut carry = ALPHABET.iter().position(|known| *known == letter)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry % 256) as u8;
            carry /= 256;
        }
        if carry > 0 {
            return None;
        }
    }
    let (body, checksum) = bytes.split_at(LENGTH - 4);
    Some(Sha256::digest(Sha256::digest(body)).starts_with(checksum))
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn a_checksum_tells_an_address_from_a_word() {
        assert!(is_address("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(is_address("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy"));
        assert!(!is_address("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(!is_address("1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a"));
        assert!(!is_address("zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"));
    }
}
