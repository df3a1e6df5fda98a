//! Times of one thing that was done many times.

/// Milliseconds, in the order in which they were measured.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn push(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// In blocks of so many.
    pub(super) fn blocks(&self, length: usize) -> impl Iterator<Item = Self> {
        self.0
            .chunks(length.max(1))
            .map(|block| Self(block.to_vec()))
    }

    /// The smallest sample that at least `percent` of all do not exceed; 0 when there is none.
    pub(super) fn percentile(&self, percent: usize) -> f64 {
        self.per_mille(percent * 10)
    }

    /// The same for parts of a thousand.
    pub(super) fn per_mille(&self, parts: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * parts).div_ceil(1000).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub(super) fn median(&self) -> f64 {
        self.percentile(50)
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let mut samples = Samples::default();
        assert!(samples.median().abs() < f64::EPSILON);
        for n in (1..=100).rev() {
            samples.push(f64::from(n));
        }
        let of = |percent| samples.percentile(percent);
        assert_eq!([of(50), of(95), of(99), of(100)], [50.0, 95.0, 99.0, 100.0]);
        assert_eq!(
            samples
                .blocks(40)
                .map(|block| block.len())
                .collect::<Vec<_>>(),
            [40, 40, 20]
        );
    }
}
