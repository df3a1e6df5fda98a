//! How jobs are handed to QStash, tried and swept.

use super::{ConfigError, Secret, Source, env};

/// QStash.
#[derive(Debug, Clone)]
pub struct QStash {
    /// The API's base, without a trailing slash.
    pub url: String,
    /// Nothing is published without it.
    pub token: Option<Secret>,
    /// The URL group.
    pub topic: String,
    /// Deliveries after the first, before QStash gives up.
    pub retries: usize,
    /// Deliveries of one user at once.
    pub user_parallelism: usize,
    /// Backfill jobs of one user a minute.
    pub backfill_rate: usize,
    /// The current and the next signing key.
    pub signing_keys: Vec<Secret>,
}

/// How jobs are tried and swept.
#[derive(Debug, Clone, Copy)]
pub struct Jobs {
    /// Failed attempts after which a turn is given up.
    pub attempts: i32,
    /// Seconds that a provider may take for one attempt.
    pub work_seconds: i32,
    /// Jobs per adapter and sweep.
    pub sweep_batch: i32,
    /// Seconds that a sweep may work by itself.
    pub sweep_seconds: i32,
}

impl Jobs {
    /// How long a provider may take for one attempt.
    pub fn work(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.work_seconds.unsigned_abs().into())
    }
}

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn qstash(&self) -> Result<QStash, ConfigError> {
        Ok(QStash {
            url: self.url(env::QSTASH_URL, "https://qstash.upstash.io")?,
            token: self.get(env::QSTASH_TOKEN).map(Secret::new),
            topic: self.or(env::QSTASH_TOPIC, "memory.sync"),
            retries: self.whole(env::QSTASH_RETRIES, 0..=20, 3)?,
            user_parallelism: self.whole(env::QSTASH_USER_PARALLELISM, 1..=100, 4)?,
            backfill_rate: self.whole(env::QSTASH_BACKFILL_RATE, 1..=1000, 30)?,
            signing_keys: [
                env::QSTASH_CURRENT_SIGNING_KEY,
                env::QSTASH_NEXT_SIGNING_KEY,
            ]
            .into_iter()
            .filter_map(|variable| self.get(variable).map(Secret::new))
            .collect(),
        })
    }

    pub(super) fn jobs(&self) -> Result<Jobs, ConfigError> {
        Ok(Jobs {
            attempts: self.whole(env::MEMORY_JOB_ATTEMPTS, 1..=100, 10)?,
            work_seconds: self.whole(env::MEMORY_JOB_SECONDS, 1..=40, 20)?,
            sweep_batch: self.whole(env::MEMORY_SWEEP_BATCH, 1..=1000, 100)?,
            sweep_seconds: self.whole(env::MEMORY_SWEEP_SECONDS, 1..=50, 20)?,
        })
    }
}
