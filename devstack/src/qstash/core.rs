//! The state that routes, deliveries and schedules share.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{sync::watch, task::AbortHandle};

use super::{
    Settings, clock::Clock, dlq::DeadLetter, faults::Faults, flow::Gates, message::Message,
    queues::Queue, schedules::Schedule, sign::SigningKeys, topics::Topic,
};
use crate::received::Received;

/// Locks a mutex; a panic elsewhere does not make plain data unusable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything a running emulator knows; in memory only.
pub(super) struct Core {
    pub(super) token: String,
    pub(super) keys: Mutex<SigningKeys>,
    pub(super) clock: Clock,
    pub(super) http: reqwest::Client,
    pub(super) faults: Arc<dyn Faults>,
    pub(super) timeout: Duration,
    pub(super) max_body: usize,
    pub(super) topics: Mutex<BTreeMap<String, Topic>>,
    pub(super) schedules: Mutex<BTreeMap<String, Schedule>>,
    pub(super) queues: Mutex<BTreeMap<String, Queue>>,
    pub(super) queue_gates: Gates,
    pub(super) flow_gates: Gates,
    /// Messages that are neither delivered nor given up, with the task of each.
    pub(super) pending: Mutex<BTreeMap<String, (Arc<Message>, AbortHandle)>>,
    /// Deduplication key to when it was published, and the message it became.
    pub(super) seen: Mutex<HashMap<String, (Instant, String)>>,
    pub(super) dlq: Mutex<Vec<DeadLetter>>,
    /// What happened to messages, newest first.
    pub(super) log: Mutex<VecDeque<Value>>,
    pub(super) received: Received,
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    sequence: AtomicU64,
    open: watch::Sender<usize>,
    stopping: watch::Sender<bool>,
}

impl Core {
    /// Fresh state for these settings.
    pub(super) fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("Upstash-QStash")
            .no_proxy()
            .build()?;
        Ok(Self {
            token: settings.token,
            keys: Mutex::new(settings.signing_keys),
            clock: Clock::new(settings.time_scale),
            http,
            faults: settings.faults,
            timeout: settings.timeout,
            max_body: settings.max_body,
            topics: Mutex::default(),
            schedules: Mutex::default(),
            queues: Mutex::default(),
            queue_gates: Gates::default(),
            flow_gates: Gates::default(),
            pending: Mutex::default(),
            seen: Mutex::default(),
            dlq: Mutex::default(),
            log: Mutex::default(),
            received: Received::default(),
            delivered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            open: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
        })
    }

    /// The next number of a running sequence, for ids that sort.
    pub(super) fn next_number(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts one message as open until the guard is dropped.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.open.send_modify(|open| *open += 1);
        Open(Arc::clone(self))
    }

    /// Resolves when no message is open.
    pub(super) async fn idle(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// Asks every wait to end.
    pub(super) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the emulator is asked to stop.
    pub(super) async fn stopped(&self) {
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    /// Runs a wait to its end, or returns `None` at once when the emulator stops.
    pub(super) async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stopped() => None,
            value = wait => Some(value),
        }
    }
}

/// One open message, see [`Core::open`].
pub(super) struct Open(Arc<Core>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}
