//! A pause after a failure, so that an outage of Redis costs a wait now and then, not with each request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long it lasts.
const LENGTH: Duration = Duration::from_secs(2);

/// Whether this instance leaves the other side alone for a while.
#[derive(Debug, Default)]
pub(super) struct Rest {
    until: Mutex<Option<Instant>>,
}

impl Rest {
    /// Begins, or begins anew.
    pub(super) fn begin(&self) {
        *self.lock() = Some(Instant::now() + LENGTH);
    }

    /// Whether it lasts.
    pub(super) fn lasts(&self) -> bool {
        let until = *self.lock();
        until.is_some_and(|until| Instant::now() < until)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
