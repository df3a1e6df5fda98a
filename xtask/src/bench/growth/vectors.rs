//! Vectors that lie as those of sentences do: few dimensions are really used, and topics stand apart.
//!
//! Numbers that are random in every dimension would be the same distance from everything, so that no index
//! and no question had anything to find.

use devstack::embedder::lexical;
use pgvector::HalfVector;

use super::random::Random;

/// The directions that are used; the model's own are 384.
const USED: usize = 24;

/// How much of a vector is noise in all dimensions.
const NOISE: f64 = 0.15;

/// A source of directions.
pub(super) struct Directions {
    random: Random,
    basis: Vec<Vec<f64>>,
}

impl Directions {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let basis = (0..USED).map(|_| normals(&mut random)).collect();
        Self { random, basis }
    }

    /// Some direction, of this length.
    pub(super) fn one(&mut self, length: f64) -> HalfVector {
        let mut sum = vec![0.0; lexical::DIMENSIONS];
        for direction in &self.basis {
            let weight = self.random.normal();
            for (sum, part) in sum.iter_mut().zip(direction) {
                *sum += weight * part;
            }
        }
        let noise = normals(&mut self.random);
        let of = |vector: &[f64]| vector.iter().map(|part| part * part).sum::<f64>().sqrt();
        let (own, noisy) = (of(&sum), of(&noise));
        let parts = sum.iter().zip(&noise);
        let parts: Vec<f64> = parts
            .map(|(part, noise)| part / own + NOISE * noise / noisy)
            .collect();
        let scale = length / of(&parts);
        let parts: Vec<f32> = parts.iter().map(|part| (part * scale) as f32).collect();
        HalfVector::from_f32_slice(&parts)
    }
}

fn normals(random: &mut Random) -> Vec<f64> {
    (0..lexical::DIMENSIONS).map(|_| random.normal()).collect()
}

#[cfg(test)]
mod tests {
    use super::Directions;

    #[test]
    fn a_direction_has_the_length_that_was_asked_for() {
        let mut directions = Directions::new(3);
        for length in [1.0_f32, 0.6] {
            let vector = directions.one(f64::from(length)).to_vec();
            let measured: f32 = vector
                .iter()
                .map(|part| part.to_f32().powi(2))
                .sum::<f32>()
                .sqrt();
            assert!((measured - length).abs() < 0.01, "{measured}");
        }
    }
}
