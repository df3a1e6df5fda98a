//! Redis's bad days, on demand.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::http::StatusCode;
use tokio::sync::watch;

/// What goes wrong with every request, until something else is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Connections are cut: new ones as they come, kept ones before their next answer, and nothing is done.
    Cut,
    /// Nothing is done; the answer is this status.
    Fail(StatusCode),
    /// Nothing is done and no answer comes; after the next change the request is served after all.
    Hang,
    /// What is asked is done, and the answer comes byte by byte.
    Trickle,
    /// Nothing is done; the answer is 200 with this body, whatever was asked.
    Garble(String),
}

/// The switchboard of the REST side; clones share it.
#[derive(Debug, Clone)]
pub struct Faults {
    fault: watch::Sender<Fault>,
    requests: Arc<AtomicUsize>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            fault: watch::Sender::new(Fault::None),
            requests: Arc::default(),
        }
    }
}

impl Faults {
    /// Sets what goes wrong from now on; [`Fault::None`] ends it.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// How many requests came, whatever became of them.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Tells when something else is set.
    pub(super) fn subscribe(&self) -> watch::Receiver<Fault> {
        self.fault.subscribe()
    }

    /// Whether connections are cut at the moment.
    pub(super) fn cut(&self) -> bool {
        *self.fault.borrow() == Fault::Cut
    }

    /// Counts a request and says what is to become of it, once it need not hang any longer.
    pub(super) async fn next(&self) -> Fault {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut faults = self.fault.subscribe();
        match faults.wait_for(|fault| *fault != Fault::Hang).await {
            Ok(fault) => fault.clone(),
            // The switchboard is gone, and with it the server.
            Err(_) => Fault::Cut,
        }
    }
}
