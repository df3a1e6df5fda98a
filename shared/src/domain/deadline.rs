//! When an answer is wanted.

use std::time::Duration;

use tokio::time::Instant;

/// A moment that every call of a request is held to.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// Then.
    pub fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// What is left; zero when it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The earlier of this one and `duration` from now.
    pub fn at_most(self, duration: Duration) -> Self {
        Self(self.0.min(Instant::now() + duration))
    }

    /// The later of this one and `instant`.
    pub fn at_least(self, instant: Instant) -> Self {
        Self(self.0.max(instant))
    }

    /// For `tokio::time::timeout_at`.
    pub fn instant(self) -> Instant {
        self.0
    }
}
