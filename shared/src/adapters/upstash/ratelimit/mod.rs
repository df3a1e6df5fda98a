//! Budgets of requests, counted in Redis where `@upstash/ratelimit` 2.x counts them: an app and this service that name
//! one key share one budget. Ours are the scripts; the official one's are the keys, what stands in them, the arithmetic
//! and the times they live.
//!
//! | algorithm | key | what | lives |
//! |---|---|---|---|
//! | fixed window | `{budget}:{floor(now / window)}` | what was asked for, refused requests included | a window |
//! | sliding window | the same | what was let pass | two windows and a second |
//! | token bucket | `{budget}` | a hash: `refilledAt`, `tokens` | until it is full again |
//!
//! `budget` is what the official one calls `{prefix}:{identifier}`. Times are the callers' clocks, in milliseconds. Its
//! dynamic limits (`{prefix}:dynamic:global`) and its deny list are not looked at, and it is the only one that keeps
//! spent budgets in memory.
//!
//! Contract: one round trip, and another when Redis has lost the script. A request whose connection breaks is sent
//! again, so what one costs may be taken twice, and never less than once when an answer came.
//!
//! Sources: `@upstash/ratelimit` 2.2.0, and Upstash's "REST API" for the scripts' first line: a script that has it locks
//! its keys and not the database.

mod script;

use std::time::Duration;

use serde_json::Value;

use self::script::{FIXED_WINDOW, SLIDING_WINDOW, Script, TOKEN_BUCKET};
use super::redis::Redis;
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::config::Rule;
use crate::domain::deadline::Deadline;

/// What a budget says to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it passes.
    pub passes: bool,
    /// Of the rule: requests in a window, or the bucket's size.
    pub limit: u64,
    /// What is left after it.
    pub remaining: u64,
    /// From now until the next window begins, or the bucket is refilled.
    pub reset: Duration,
}

impl Verdict {
    /// The same in whole seconds, and not before: 1 at least.
    pub fn reset_seconds(&self) -> u64 {
        u64::try_from(self.reset.as_millis().div_ceil(1000))
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

/// The counters.
#[derive(Debug)]
pub struct RateLimit {
    redis: Redis,
}

impl RateLimit {
    /// Counters in this Redis.
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// Opens the connection that the first question will use.
    pub async fn warm(&self, deadline: Deadline) {
        self.redis.warm(deadline).await;
    }

    /// Takes one request out of a budget. `now` is the clock's time, in milliseconds since 1970.
    pub async fn take(
        &self,
        rule: Rule,
        budget: &str,
        now: u64,
        deadline: Deadline,
    ) -> Result<Verdict, Error> {
        match rule {
            Rule::FixedWindow { limit, window } => {
                let (limit, window) = (u64::from(limit), milliseconds(window));
                let (key, _) = windows(budget, now, window);
                let used = self
                    .run(&FIXED_WINDOW, &[&key], &[window], deadline)
                    .await?;
                let used = used.as_u64().ok_or_else(malformed)?;
                Ok(Verdict {
                    passes: used <= limit,
                    limit,
                    remaining: limit.saturating_sub(used),
                    reset: next(now, window),
                })
            }
            Rule::SlidingWindow { limit, window } => {
                let (limit, window) = (u64::from(limit), milliseconds(window));
                let (key, before) = windows(budget, now, window);
                let keys = [key.as_str(), &before];
                let left = self
                    .run(&SLIDING_WINDOW, &keys, &[limit, now, window], deadline)
                    .await?;
                Ok(Verdict {
                    limit,
                    reset: next(now, window),
                    ..left_over(&left)?
                })
            }
            Rule::TokenBucket {
                refill,
                interval,
                size,
            } => {
                let (limit, interval) = (u64::from(size), milliseconds(interval));
                let numbers = [limit, interval, refill.into(), now];
                let answer = self
                    .run(&TOKEN_BUCKET, &[budget], &numbers, deadline)
                    .await?;
                let refilled = answer[1].as_u64().ok_or_else(malformed)?;
                Ok(Verdict {
                    limit,
                    reset: Duration::from_millis(refilled.saturating_sub(now)),
                    ..left_over(&answer[0])?
                })
            }
        }
    }

    /// Runs a script by its hash, and by its text where Redis does not know it (any more).
    async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        numbers: &[u64],
        deadline: Deadline,
    ) -> Result<Value, Error> {
        let count = keys.len().to_string();
        let numbers: Vec<String> = numbers.iter().map(|number| number.to_string()).collect();
        let ask = async |how: &'static str, what: &'static str| {
            let numbers = numbers.iter().map(String::as_str);
            let command: Vec<&str> = [how, what, &count]
                .into_iter()
                .chain(keys.iter().copied())
                .chain(numbers)
                .collect();
            let mut results = self.redis.pipeline("limit", &[&command], deadline).await?;
            results.pop().unwrap_or_else(|| Err(malformed()))
        };
        match ask("EVALSHA", script.hash).await {
            Err(error) if error.detail == "NOSCRIPT" => ask("EVAL", script.text).await,
            answered => answered,
        }
    }
}

/// The keys of the window that `now` is in, and of the one before.
fn windows(budget: &str, now: u64, window: u64) -> (String, String) {
    let place = now / window;
    let before = place.saturating_sub(1);
    (format!("{budget}:{place}"), format!("{budget}:{before}"))
}

/// Until the next window.
fn next(now: u64, window: u64) -> Duration {
    Duration::from_millis(window - now % window)
}

/// Reads what is left, or -1.
fn left_over(answer: &Value) -> Result<Verdict, Error> {
    let left = answer.as_i64().ok_or_else(malformed)?;
    Ok(Verdict {
        passes: left >= 0,
        limit: 0,
        remaining: u64::try_from(left).unwrap_or(0),
        reset: Duration::ZERO,
    })
}

/// A rule's durations are whole milliseconds, and not zero.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .max(1)
}

fn malformed() -> Error {
    Error::new(
        Adapter::Redis,
        ErrorKind::Malformed,
        "not a limiter's numbers",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_the_clocks() {
        let (now, before) = windows("memory:u:turns", 120_500, 60_000);
        assert_eq!(now, "memory:u:turns:2");
        assert_eq!(before, "memory:u:turns:1");
        assert_eq!(next(120_500, 60_000), Duration::from_millis(59_500));
        assert_eq!(next(120_000, 60_000), Duration::from_secs(60));
    }

    #[test]
    fn a_number_below_nothing_is_a_refusal() {
        let of = |answer: i64| left_over(&answer.into()).unwrap();
        assert!(of(0).passes);
        assert_eq!(of(7).remaining, 7);
        assert!(!of(-1).passes);
        assert_eq!(of(-1).remaining, 0);
        assert!(left_over(&Value::Null).is_err());
    }
}
