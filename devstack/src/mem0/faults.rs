//! Mem0's bad days, on demand.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::watch;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; the answer is this status, with `retry-after` in whole seconds if given.
    Status(StatusCode, Option<Duration>),
    /// Nothing is done; the answer has this status and repeats the request.
    Quote(StatusCode),
    /// It is done, and the connection breaks before the answer is complete.
    LoseReply,
    /// Nothing is done; the answer is 200, and its body says that it failed.
    SayFailed,
    /// An add is accepted, and fails when it is worked at (the server says so with 502).
    FailLater,
    /// An add is done, and finds nothing worth keeping.
    FindNothing,
}

impl Fault {
    /// These concern adds only; other requests leave them to the next add.
    fn is_for_adds(&self) -> bool {
        matches!(self, Self::FailLater | Self::FindNothing)
    }
}

/// The switchboard; clones share it.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<State>>,
    hang: watch::Sender<bool>,
    trickle: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    next: VecDeque<Fault>,
    at_random: Option<AtRandom>,
    refuse_key: bool,
    quote: Option<StatusCode>,
}

/// Chance that depends on a request and how often it came, not on what comes between: so processes
/// that run side by side meet the same faults in each run.
#[derive(Debug)]
struct AtRandom {
    share: f64,
    seed: u64,
    came: HashMap<u64, u64>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            hang: watch::Sender::new(false),
            trickle: watch::Sender::new(false),
        }
    }
}

impl Faults {
    /// Lets this go wrong with each of the next `n` requests, after what was asked for before.
    pub fn next(&self, n: usize, fault: Fault) {
        let mut state = self.lock();
        state.next.extend(std::iter::repeat_n(fault, n));
    }

    /// Lets this share of the requests fail, from 0 to 1: with 500, 503 or 429 (the latter two name
    /// a second to wait), with a 200 that says it failed, or done and with its reply lost. Which
    /// ones is `seed`'s to say.
    pub fn fail_at_random(&self, share: f64, seed: u64) {
        self.lock().at_random = Some(AtRandom {
            share,
            seed,
            came: HashMap::new(),
        });
    }

    /// While on, requests are read and not answered; switched off, they are served after all.
    pub fn hang(&self, on: bool) {
        self.hang.send_replace(on);
    }

    /// While on, what is asked is done and its answer comes byte by byte; switched off, the rest of it follows at once.
    pub fn trickle(&self, on: bool) {
        self.trickle.send_replace(on);
    }

    /// While set, every request comes to [`Fault::Quote`] with this status.
    pub fn quote(&self, status: Option<StatusCode>) {
        self.lock().quote = status;
    }

    /// While on, the right key is refused like a wrong one.
    pub fn refuse_key(&self, on: bool) {
        self.lock().refuse_key = on;
    }

    pub(super) fn refuses_key(&self) -> bool {
        self.lock().refuse_key
    }

    /// Waits while requests hang.
    pub(super) async fn pass(&self) {
        // An error means that the switchboard is gone, and with it the server.
        let _ = self.hang.subscribe().wait_for(|hang| !hang).await;
    }

    /// The switch of [`Faults::trickle`], when it is on.
    pub(super) fn trickling(&self) -> Option<watch::Receiver<bool>> {
        Some(self.trickle.subscribe()).filter(|on| *on.borrow())
    }

    /// What is to become of this request.
    pub(super) fn fault(&self, request: &str, is_add: bool) -> Option<Fault> {
        let mut state = self.lock();
        if let Some(status) = state.quote {
            return Some(Fault::Quote(status));
        }
        let place = state
            .next
            .iter()
            .position(|fault| is_add || !fault.is_for_adds());
        match place.and_then(|place| state.next.remove(place)) {
            Some(fault) => Some(fault),
            None => state.at_random.as_mut()?.draw(request),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AtRandom {
    fn draw(&mut self, request: &str) -> Option<Fault> {
        let mut hasher = DefaultHasher::new();
        (self.seed, request).hash(&mut hasher);
        let hash = hasher.finish();
        let times = self.came.entry(hash).or_default();
        *times += 1;
        let mut random =
            fastrand::Rng::with_seed(hash.wrapping_add(times.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        if random.f64() >= self.share {
            return None;
        }
        let second = Some(Duration::from_secs(1));
        Some(match random.u8(0..5) {
            0 => Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None),
            1 => Fault::Status(StatusCode::SERVICE_UNAVAILABLE, second),
            2 => Fault::Status(StatusCode::TOO_MANY_REQUESTS, second),
            3 => Fault::SayFailed,
            _ => Fault::LoseReply,
        })
    }
}
