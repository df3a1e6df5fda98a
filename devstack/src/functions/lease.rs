//! Who has which instance: on Lambda, one request at a time each.

use super::Instance;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The instances of one function that have no event now.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    /// The last used on top: Lambda too prefers a warm one.
    idle: Arc<Mutex<Vec<Arc<Instance>>>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(instances: &[Arc<Instance>]) -> Self {
        Self {
            idle: Arc::new(Mutex::new(instances.iter().rev().cloned().collect())),
            permits: Arc::new(Semaphore::new(instances.len())),
        }
    }

    /// An instance of one's own, after those who asked before; `None` never happens while it is open.
    pub(super) async fn take(&self) -> Option<Lease> {
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        let instance = self.idle().pop()?;
        Some(Lease {
            port: 0,
            instance,
            turn: Some((self.clone(), permit)),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Instance>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance that serves a request until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    pub(super) instance: Arc<Instance>,
    turn: Option<(Pool, OwnedSemaphorePermit)>,
}

impl Lease {
    /// One that others may have as well.
    pub(super) fn shared(instance: Arc<Instance>) -> Self {
        Self {
            port: 0,
            instance,
            turn: None,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Back on the stack before the permit is free, so that who gets the permit finds an instance.
        if let Some((pool, permit)) = self.turn.take() {
            pool.idle().push(self.instance.clone());
            drop(permit);
        }
    }
}
