//! A provider's bad days, on demand, and a record of what it was sent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use embedder_http::ApiError;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::watch;

use crate::received::Received;
use crate::trickle::trickled;

/// How many received texts are kept; older ones are forgotten, so that a long session does not
/// fill the memory.
const KEPT_TEXTS: usize = 100_000;

/// What came in since the start, or since [`Faults::forget`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requests {
    /// Calls of `POST /v1/embeddings`, whatever became of them.
    pub count: usize,
    /// The texts of those calls, the latest 100,000, in order of arrival.
    pub texts: VecDeque<String>,
}

/// The switchboard; clones share it. Only `POST /v1/embeddings` is affected.
#[derive(Debug, Clone)]
pub struct Faults {
    state: Arc<Mutex<FaultState>>,
    hang: watch::Sender<bool>,
    trickle: watch::Sender<bool>,
    received: Received,
}

#[derive(Debug, Default)]
struct FaultState {
    failures: usize,
    at_random: Option<(f64, fastrand::Rng)>,
    status: StatusCode,
    retry_after: Option<Duration>,
    /// What no text may contain, and the status of a request with one that does.
    poison: Option<(String, StatusCode)>,
    /// The status of the answers that repeat their requests.
    quote: Option<StatusCode>,
    requests: Requests,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            hang: watch::Sender::new(false),
            trickle: watch::Sender::new(false),
            received: Received::default(),
        }
    }
}

impl Faults {
    /// Answers the next `n` requests with `status`, and with `retry-after` (whole seconds) if
    /// given. Replaces what was asked for before; 0 ends it.
    pub fn fail_next(&self, n: usize, status: StatusCode, retry_after: Option<Duration>) {
        let mut state = self.lock();
        state.failures = n;
        state.status = status;
        state.retry_after = retry_after;
    }

    /// Answers this share of the requests, from 0 to 1, with 500; which ones is `seed`'s to say.
    pub fn fail_at_random(&self, share: f64, seed: u64) {
        self.lock().at_random = Some((share, fastrand::Rng::with_seed(seed)));
    }

    /// From now on a request with a text that contains `words` is answered with `status`, as by a
    /// provider that always chokes on it. Replaces what was asked for before.
    pub fn choke_on(&self, words: impl Into<String>, status: StatusCode) {
        self.lock().poison = Some((words.into(), status));
    }

    /// Ends [`Faults::choke_on`].
    pub fn cure(&self) {
        self.lock().poison = None;
    }

    /// While set, answers with this status and a body that repeats the request, as providers do that say what they
    /// could not read.
    pub fn quote(&self, status: Option<StatusCode>) {
        self.lock().quote = status;
    }

    /// While on, requests are read and not answered; switched off, they are answered after all.
    pub fn hang(&self, on: bool) {
        self.hang.send_replace(on);
    }

    /// While on, answers begin at once and then come byte by byte, slower than anybody waits;
    /// switched off, the rest of them follows at once.
    pub fn trickle(&self, on: bool) {
        self.trickle.send_replace(on);
    }

    /// What was received so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.lock().requests.clone()
    }

    /// Every request as it came, `METHOD /path?query`, headers but for the key and body; the latest 10,000.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        self.received.all()
    }

    /// Empties the record of texts.
    pub fn forget(&self) {
        self.lock().requests = Requests::default();
    }

    fn lock(&self) -> MutexGuard<'_, FaultState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, texts: &[String]) {
        let mut state = self.lock();
        let requests = &mut state.requests;
        requests.count += 1;
        requests.texts.extend(texts.iter().cloned());
        let surplus = requests.texts.len().saturating_sub(KEPT_TEXTS);
        requests.texts.drain(..surplus);
    }

    fn choked(&self, texts: &[String]) -> Option<Response> {
        let state = self.lock();
        let (words, status) = state.poison.as_ref()?;
        let poisoned = texts.iter().any(|text| text.contains(words));
        poisoned.then(|| ApiError::new(*status, "A text that a test spoilt.").into_response())
    }

    fn quoted(&self, body: &[u8]) -> Option<Response> {
        let status = self.lock().quote?;
        let request = String::from_utf8_lossy(body);
        Some(
            (
                status,
                Json(json!({"data": request, "error": {"message": request}})),
            )
                .into_response(),
        )
    }

    fn failure(&self) -> Option<Response> {
        let mut state = self.lock();
        if let Some((share, random)) = &mut state.at_random
            && random.f64() < *share
        {
            let error = ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "A failure by chance.");
            return Some(error.into_response());
        }
        state.failures = state.failures.checked_sub(1)?;
        let mut response =
            ApiError::new(state.status, "A failure that a test asked for.").into_response();
        if let Some(after) = state.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs()));
        }
        Some(response)
    }
}

/// What is recorded of a request.
#[derive(Deserialize)]
struct Input {
    input: Texts,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
}

/// The texts of a request; none where it cannot be read: the server says what is wrong with it.
fn texts(body: &[u8]) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(Input {
            input: Texts::One(text),
        }) => vec![text],
        Ok(Input {
            input: Texts::Many(texts),
        }) => texts,
        Err(_) => Vec::new(),
    }
}

/// The layer around the server's routes.
pub(super) async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    if request.uri().path() != "/v1/embeddings" {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return ApiError::new(StatusCode::BAD_REQUEST, "The body broke off.").into_response();
    };
    faults
        .received
        .note(&head.method, &head.uri, &head.headers, &body);
    let texts = texts(&body);
    faults.record(&texts);
    // An error means that the switchboard is gone, and with it the server.
    let _ = faults.hang.subscribe().wait_for(|hang| !hang).await;
    let spoilt = faults.failure().or_else(|| faults.choked(&texts));
    if let Some(response) = spoilt.or_else(|| faults.quoted(&body)) {
        return response;
    }
    let response = next.run(Request::from_parts(head, Body::from(body))).await;
    if *faults.trickle.borrow() {
        trickled(response, faults.trickle.subscribe(), |on| *on).await
    } else {
        response
    }
}
