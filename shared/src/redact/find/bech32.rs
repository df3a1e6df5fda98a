//! Bech32 and Bech32m, the notation of Bitcoin's newer addresses (BIP 173, BIP 350).

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

const GENERATOR: [u32; 5] = [
    0x3b6a_57b2,
    0x2650_8e6d,
    0x1ea1_19fa,
    0x3d42_33dd,
    0x2a14_62b3,
];

/// What the checksum comes to in the two.
const CONSTANTS: [u32; 2] = [1, 0x2bc8_30a3];

/// Whether a word is an address of Bitcoin's main network with a right checksum, all in one case.
pub(super) fn is_address(word: &str) -> bool {
    let mixed = word.bytes().any(|b| b.is_ascii_lowercase())
        && word.bytes().any(|b| b.is_ascii_uppercase());
    if mixed || !(14..=90).contains(&word.len()) {
        return false;
    }
    let word = word.to_ascii_lowercase();
    let Some(data) = word.strip_prefix("bc1") else {
        return false;
    };
    // The prefix counts by its high bits, a zero, and its low bits.
    let prefix = [3, 3, 0, 2, 3];
    let values = data
        .bytes()
        .map(|letter| ALPHABET.iter().position(|known| *known == letter));
    let mut sum = 1;
    for value in prefix.into_iter().map(Some).chain(values) {
        let Some(value) = value else {
            return false;
        };
        sum = step(sum, value as u32);
    }
    CONSTANTS.contains(&sum)
}

fn step(sum: u32, value: u32) -> u32 {
    let top = sum >> 25;
    let shifted = (sum & 0x1ff_ffff) << 5 ^ value;
    let bits = GENERATOR.iter().enumerate();
    bits.fold(shifted, |sum, (bit, generator)| {
        if top >> bit & 1 == 1 {
            sum ^ generator
        } else {
            sum
        }
    })
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn a_checksum_tells_an_address_from_a_word() {
        assert!(is_address("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(is_address("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"));
        assert!(is_address(
            "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
        ));
        assert!(!is_address("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"));
        assert!(!is_address("Bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(!is_address("bc1bbbbbbbbbbbbbbbbbbbbbb"));
    }
}
