//! A vector as a short text: base64 of its numbers, 4 bytes each, little-endian. 2 kB for 384 dimensions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// By how much the square of a vector's length may differ from 1.
const TOLERANCE: f32 = 0.01;

pub(super) fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD_NO_PAD.encode(bytes)
}

/// The vector, unless the text is rubbish: another length, a number that is none, not normalised.
pub(super) fn decode(text: &str, dimensions: usize) -> Option<Vec<f32>> {
    let bytes = STANDARD_NO_PAD.decode(text).ok()?;
    let (numbers, []) = bytes.as_chunks::<4>() else {
        return None;
    };
    let vector: Vec<f32> = numbers.iter().map(|n| f32::from_le_bytes(*n)).collect();
    let square: f32 = vector.iter().map(|x| x * x).sum();
    // Not so of NaN and of infinity either.
    let is_good = vector.len() == dimensions && (square - 1.0).abs() < TOLERANCE;
    is_good.then_some(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_as_it_was() {
        let vector = [0.6, -0.8, 0.0];
        assert_eq!(decode(&encode(&vector), 3).unwrap(), vector);
        assert!(encode(&[0.1; 384]).len() <= 2048);
    }

    #[test]
    fn rubbish_is_a_miss() {
        for text in [
            "",
            "rubbish",
            "{\"a\": 1}",
            "AAA",
            &encode(&[1.0]),
            &encode(&[1.0, 0.0, 0.0]),
            &encode(&[f32::NAN, 1.0]),
            &encode(&[f32::INFINITY, 0.0]),
            &encode(&[0.0, 0.0]),
            &encode(&[3.0, 4.0]),
        ] {
            assert_eq!(decode(text, 2), None, "{text}");
        }
    }
}
