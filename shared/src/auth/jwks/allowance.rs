//! How often the issuer may be asked.

use std::time::{Duration, Instant};

/// A few questions at once, then one each so often. Whoever sends tokens with made-up names of keys gets no more out of us.
#[derive(Debug)]
pub(super) struct Allowance {
    most: u32,
    left: u32,
    since: Instant,
}

impl Allowance {
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            left: most,
            since: Instant::now(),
        }
    }

    /// Takes one question, when there is one. Another comes back each time `every` has passed.
    pub(super) fn take(&mut self, every: Duration, now: Instant) -> bool {
        while self.left < self.most && now.duration_since(self.since) >= every {
            self.left += 1;
            self.since += every;
        }
        if self.left == self.most {
            // Nothing comes back to a full purse.
            self.since = now;
        }
        let some = self.left > 0;
        self.left = self.left.saturating_sub(1);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_then_one_each_so_often() {
        let every = Duration::from_secs(30);
        let mut allowance = Allowance::new(3);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let taken = (0..1000).filter(|_| allowance.take(every, at(0))).count();
        assert_eq!(taken, 3);
        // 10,000 in ten minutes: one each half minute.
        let asked = (0..10_000).filter(|n| allowance.take(every, at(1 + n * 600 / 10_000)));
        assert_eq!(asked.count(), 20);
        // After a long time not more than at first.
        let taken = (0..1000).filter(|_| allowance.take(every, at(100_000)));
        assert_eq!(taken.count(), 3);
    }
}
