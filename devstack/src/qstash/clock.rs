//! Time: real for stamps and signatures, scaled for waiting.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// A smaller scale would spin through a schedule's minutes.
const SMALLEST_SCALE: f64 = 1e-4;

/// Milliseconds since the Unix epoch, unscaled.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_millis() as u64
}

/// Turns the waits of the contract into the waits of this run.
pub(super) struct Clock {
    started: OffsetDateTime,
    origin: Instant,
    scale: f64,
}

impl Clock {
    /// A clock whose waits last `scale` times as long as the contract says.
    pub(super) fn new(scale: f64) -> Self {
        Self {
            started: OffsetDateTime::now_utc(),
            origin: Instant::now(),
            scale: scale.max(SMALLEST_SCALE),
        }
    }

    /// How long to wait here for what the contract calls `wait`.
    pub(super) fn scaled(&self, wait: Duration) -> Duration {
        Duration::try_from_secs_f64(wait.as_secs_f64() * self.scale).unwrap_or(Duration::MAX)
    }

    /// The time of day that schedules live by: it starts at the real one and runs `1 / scale` times as fast.
    pub(super) fn schedule_now(&self) -> OffsetDateTime {
        self.started + self.origin.elapsed().div_f64(self.scale)
    }
}
