//! How good an answer is, and the mean over many.

use std::collections::BTreeSet;

/// The share of the wanted turns that were found, from 0 to 1.
pub(in crate::bench) fn recall(found: &[&str], wanted: &BTreeSet<String>) -> f64 {
    let hits = wanted.iter().filter(|id| found.contains(&id.as_str()));
    hits.count() as f64 / wanted.len().max(1) as f64
}

/// The normalised discounted cumulative gain of the first `depth` turns, from 0 to 1: a wanted turn on
/// rank `r` (from 1) gains `1 / log2(r + 1)`, once; 1 is all that could be gained.
pub(super) fn ndcg(ranked: &[&str], wanted: &BTreeSet<String>, depth: usize) -> f64 {
    let gain = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    let mut seen = BTreeSet::new();
    let gained: f64 = ranked
        .iter()
        .take(depth)
        .enumerate()
        .filter(|(_, id)| wanted.contains(**id) && seen.insert(**id))
        .map(|(place, _)| gain(place))
        .sum();
    let possible: f64 = (0..wanted.len().min(depth)).map(gain).sum();
    if possible > 0.0 {
        gained / possible
    } else {
        0.0
    }
}

/// What one question came to, or the mean of many: each from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Scores {
    pub(super) recall_at_10: f64,
    pub(super) ndcg_at_10: f64,
    pub(super) recall_at_1500_tokens: f64,
    pub(super) recall_at_750_tokens: f64,
}

impl Scores {
    /// The mean, each question counting once; 0 without any.
    pub(super) fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        let mut count = 0.0;
        for one in all {
            sum = sum.with(one, |sum, one| sum + one);
            count += 1.0;
        }
        sum.with(&sum, |sum, _| if count > 0.0 { sum / count } else { 0.0 })
    }

    fn with(&self, other: &Self, join: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            recall_at_10: join(self.recall_at_10, other.recall_at_10),
            ndcg_at_10: join(self.ndcg_at_10, other.ndcg_at_10),
            recall_at_1500_tokens: join(self.recall_at_1500_tokens, other.recall_at_1500_tokens),
            recall_at_750_tokens: join(self.recall_at_750_tokens, other.recall_at_750_tokens),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Scores, ndcg, recall};

    fn set(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[track_caller]
    fn near(figure: f64, expected: f64) {
        assert!((figure - expected).abs() < 1e-9, "{figure} for {expected}");
    }

    #[test]
    fn recall_is_the_share_of_what_was_wanted() {
        let wanted = set(&["D1:1", "D1:2", "D2:1", "D3:9"]);
        near(recall(&["D2:1", "D9:9", "D1:1", "D1:1"], &wanted), 0.5);
        near(recall(&[], &wanted), 0.0);
        near(recall(&["D3:9", "D2:1", "D1:2", "D1:1"], &wanted), 1.0);
    }

    #[test]
    fn gain_falls_with_the_rank() {
        // One wanted turn on rank 1, 2 and 3: 1, 1 / log2(3), 1 / 2.
        near(ndcg(&["a", "x", "y"], &set(&["a"]), 10), 1.0);
        near(
            ndcg(&["x", "a", "y"], &set(&["a"]), 10),
            0.630_929_753_571_457_4,
        );
        near(ndcg(&["x", "y", "a"], &set(&["a"]), 10), 0.5);
        // Ranks 1 and 3 of two: (1 + 1/2) / (1 + 1/log2(3)).
        near(
            ndcg(&["a", "x", "b"], &set(&["a", "b"]), 10),
            0.919_720_789_148_187,
        );
        // A turn that comes twice gains once; past the depth there is nothing to gain.
        near(ndcg(&["a", "a", "x"], &set(&["a"]), 10), 1.0);
        near(ndcg(&["x", "a"], &set(&["a"]), 1), 0.0);
        // Three are wanted, and the one place there is has one of them.
        near(ndcg(&["b"], &set(&["a", "b", "c"]), 1), 1.0);
    }

    #[test]
    fn a_mean_counts_each_question_once() {
        let one = |recall_at_10, ndcg_at_10| Scores {
            recall_at_10,
            ndcg_at_10,
            recall_at_1500_tokens: 1.0,
            recall_at_750_tokens: 0.0,
        };
        let mean = Scores::mean(&[one(1.0, 0.5), one(0.0, 0.0), one(0.5, 0.25), one(0.5, 0.25)]);
        assert_eq!(mean, one(0.5, 0.25));
        assert_eq!(Scores::mean(&[]), Scores::default());
    }
}
