//! Whether a user has asked for too much: one question to Redis, for at most 40 ms.
//!
//! A budget's key is `memory:{user}:{class}` and what the algorithm adds (`adapters::upstash::ratelimit`). It begins as the
//! cache's keys do, so an erasure takes it along. To share it, an app gives `@upstash/ratelimit` the prefix `memory` and
//! the identifier `{user}:{class}`.
//!
//! Nobody is turned away because Redis is: what fails, or is late, passes, and the answer says that it was not counted.
//! After a failure, unless Redis itself refused the question, this instance does not ask for 2 seconds, so that an outage
//! costs 40 ms now and then, not always.

use std::time::{Duration, SystemTime};

use super::rest::Rest;
use crate::adapters::ErrorKind;
use crate::adapters::upstash::ratelimit::{RateLimit, Verdict};
use crate::config::{LimitClass, Limits};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// How long a request may wait for the verdict.
const PATIENCE: Duration = Duration::from_millis(40);

/// How a request stands with its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was counted.
    Counted(Verdict),
    /// It passes, and nobody knows whether it should have.
    NotCounted,
}

/// The limits of a deployment that has some.
#[derive(Debug)]
pub struct RateLimits {
    counters: RateLimit,
    limits: Limits,
    rest: Rest,
}

impl RateLimits {
    /// These limits, counted there.
    pub fn new(counters: RateLimit, limits: Limits) -> Self {
        Self {
            counters,
            limits,
            rest: Rest::default(),
        }
    }

    /// Opens the connection that the first question will use.
    pub async fn warm(&self, deadline: Deadline) {
        self.counters.warm(deadline).await;
    }

    /// Takes one request out of the user's budget; nothing when the class has none. A request with a deadline of its own
    /// waits no longer than that.
    pub async fn take(
        &self,
        class: LimitClass,
        user: UserId,
        deadline: Option<Deadline>,
    ) -> Option<Standing> {
        let rule = self.limits.of(class)?;
        if self.rest.lasts() {
            return Some(Standing::NotCounted);
        }
        let budget = format!("memory:{}:{}", user.0, class.name());
        let patience = Deadline::after(PATIENCE);
        let deadline = deadline.map_or(patience, |deadline| deadline.at_most(PATIENCE));
        match self.counters.take(rule, &budget, now(), deadline).await {
            Ok(verdict) => Some(Standing::Counted(verdict)),
            Err(error) => {
                tracing::warn!(%error, "not counted");
                // A refusal came at once, and may be about this one key.
                if error.kind != ErrorKind::Refused {
                    self.rest.begin();
                }
                Some(Standing::NotCounted)
            }
        }
    }
}

/// The clock's time, in milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
