//! How a request's time is shared out.
//!
//! All of it is counted from the moment the request came. The query's embedding has to leave the database enough: without
//! the database there is no context, without the embedding there is one by words.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::deadline::Deadline;

/// What is kept of the deadline for the database, at least, while the query is being embedded.
const RESERVE: Duration = Duration::from_millis(80);

/// The same as a share of it: who waits longer has a slower database too.
const RESERVED: u32 = 3;

/// What is kept of it for putting the answer together, at most.
const PACKING: Duration = Duration::from_millis(10);

/// What the database gets, at least, from an instance that has not reached it yet: it has to be connected to first.
const FIRST_REACH: Duration = Duration::from_secs(1);

/// The deadlines of one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    came: Instant,
    /// When the answer is wanted.
    pub(super) whole: Deadline,
    /// When what was asked has to be there: Mem0's facts, the database's turns.
    pub(super) parts: Deadline,
    /// When the query's embedding is given up.
    pub(super) embedding: Deadline,
}

impl Budget {
    /// Of a request that came then and waits so long.
    pub(super) fn new(came: Instant, wait: Duration) -> Self {
        let reserve = RESERVE.max(wait / RESERVED);
        let embedding = wait.saturating_sub(reserve).max(wait / 2);
        Self {
            came,
            whole: Deadline::at(came + wait),
            parts: Deadline::at(came + wait - PACKING.min(wait / 10)),
            embedding: Deadline::at(came + embedding),
        }
    }

    /// When the database is given up.
    pub(super) fn database(&self, was_reached: bool) -> Deadline {
        if was_reached {
            self.parts
        } else {
            self.parts.at_least(self.came + FIRST_REACH)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_keeps_a_third_and_the_embedding_at_least_a_half() {
        for (wait, embedding) in [
            (10, 5),
            (100, 50),
            (160, 80),
            (200, 120),
            (300, 200),
            (3000, 2000),
        ] {
            let came = Instant::now();
            let budget = Budget::new(came, Duration::from_millis(wait));
            assert_eq!(
                budget.embedding.instant() - came,
                Duration::from_millis(embedding),
                "{wait}"
            );
            assert_eq!(budget.whole.instant() - came, Duration::from_millis(wait));
        }
    }

    #[test]
    fn only_the_first_reach_for_the_database_may_be_late() {
        let came = Instant::now();
        let of = |wait, was_reached| {
            let budget = Budget::new(came, Duration::from_millis(wait));
            budget.database(was_reached).instant() - came
        };
        assert_eq!(of(250, true), Duration::from_millis(240));
        assert_eq!(of(10, true), Duration::from_millis(9));
        assert_eq!(of(250, false), FIRST_REACH);
        assert_eq!(of(5000, false), Duration::from_millis(4990));
    }
}
