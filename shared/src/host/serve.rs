//! From a request to a response: method, flag, handler, problem document, headers, span. Nothing
//! gets past here: not an error, not a panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use tracing::Instrument;
use uuid::Uuid;

use super::{cors, rate_limit};
use crate::config::{Config, Cors};
use crate::endpoints::{Answer, Endpoint, Request};
use crate::orchestrator::{App, Standing};
use crate::problem::Problem;
use crate::redact::Redactor;
use crate::telemetry;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const NON_RETRYABLE: HeaderName = HeaderName::from_static("upstash-nonretryable-error");

/// What every answer says to browsers and caches. It is data for a program: nothing in it may run, be framed, be guessed to
/// be something else, be kept, or be embedded by another site's page.
const ALWAYS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
];

/// A function instance: one endpoint, and the adapters unless the configuration is wrong.
#[derive(Clone)]
pub(super) struct Service {
    endpoint: &'static Endpoint,
    app: Option<Arc<App>>,
}

/// Reads the configuration and begins to open what the endpoint needs. A wrong configuration is
/// logged by name and answered with 503 instead of crashing, which would say nothing to anybody.
pub(super) fn start(endpoint: &'static Endpoint) -> Service {
    telemetry::install();
    // These and the two in `warm` are what `xtask bench cold-start` reads.
    tracing::debug!("logging");
    let app = Config::from_env()
        .and_then(App::new)
        .and_then(|app| app.prepare(endpoint.needs));
    let app = match app {
        Ok(app) => {
            tracing::debug!("configured");
            Some(Arc::new(app))
        }
        Err(error) => {
            tracing::error!(%error, "not configured");
            None
        }
    };
    if let Some(app) = app.clone() {
        tokio::spawn(async move { app.warm(endpoint.needs).await });
    }
    Service { endpoint, app }
}

/// Builds the runtime and runs `serve` on it. One thread: an instance has one CPU or less.
pub(super) fn block_on<F>(serve: F) -> Result<(), super::Error>
where
    F: Future<Output = Result<(), super::Error>>,
{
    keep_openssl_from_the_systems_roots();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve)
}

/// `native-tls` reads the system's 140 root certificates for each connector, even where they are
/// then set aside: 18 to 99 ms of a cold start. We name the one root that we trust, so OpenSSL is
/// shown an empty file instead.
#[expect(
    unsafe_code,
    reason = "set_var is safe while the process has one thread, as it has here"
)]
fn keep_openssl_from_the_systems_roots() {
    // SAFETY: called first thing in main, before the runtime or any thread exists.
    unsafe {
        std::env::set_var("SSL_CERT_FILE", "/dev/null");
        std::env::set_var("SSL_CERT_DIR", "/dev/null");
    }
}

impl Service {
    /// Answers one request. Never fails.
    pub(super) async fn answer(&self, request: Request) -> Response<Bytes> {
        let start = Instant::now();
        let request_id = request_id(&request.headers);
        let span = telemetry::intent_span(self.endpoint.intent, &request_id);
        let handling = AssertUnwindSafe(self.handle(&request)).catch_unwind();
        let (handled, timings) = telemetry::with_timings(handling.instrument(span.clone())).await;
        let handled = handled.unwrap_or_else(|_| Err(Problem::Internal("panic".to_owned())));

        span.in_scope(|| log(&request_id, &handled));
        let duration = telemetry::milliseconds(start);
        let status = handled.as_ref().map_or_else(Problem::code, |_| "ok");
        span.record("status", status);
        span.record("duration_ms", duration);
        drop(span);
        let mut timings = server_timing(duration, &timings);
        if request.standing.get() == Some(&Standing::NotCounted) {
            timings.push_str(rate_limit::NOT_COUNTED);
        }
        let mut response = respond(handled, &request_id, &timings);
        if let Some(standing) = request.standing.get() {
            rate_limit::tell(response.headers_mut(), standing);
        }
        self.to_pages(&request, response.headers_mut());
        response
    }

    fn cors(&self) -> &Cors {
        // What is not configured is closed.
        const CLOSED: &Cors = &Cors(Vec::new());
        self.app.as_deref().map_or(CLOSED, |app| &app.cors)
    }

    /// Whether a browser asks if one of its pages may call, and it may.
    fn welcomes(&self, request: &Request) -> bool {
        cors::is_preflight(&request.method, &request.headers)
            && cors::allowed(self.cors(), &request.headers).is_some()
    }

    /// Tells a browser what its page may read or do.
    fn to_pages(&self, request: &Request, headers: &mut HeaderMap) {
        cors::vary(self.cors(), headers);
        if let Some(origin) = cors::allowed(self.cors(), &request.headers) {
            let methods = self
                .welcomes(request)
                .then(|| listed(self.endpoint.handlers.iter().map(|(method, _)| method)));
            cors::admit(headers, origin, methods.as_deref());
        }
    }

    async fn handle(&self, request: &Request) -> Result<Answer, Problem> {
        if self.welcomes(request) {
            return Ok(Answer::written(StatusCode::NO_CONTENT, String::new()));
        }
        let handlers = self.endpoint.handlers;
        let Some((_, handler)) = handlers
            .iter()
            .find(|(method, _)| *method == request.method)
        else {
            let allowed = handlers.iter().map(|(method, _)| method.clone()).collect();
            return Err(Problem::MethodNotAllowed(allowed));
        };
        let app = self.app.as_deref().ok_or(Problem::Misconfigured)?;
        if self.endpoint.switched && !app.enabled {
            return Err(Problem::Disabled);
        }
        handler(app, request).await
    }
}

/// The caller's id when it is a plain one, else a new one. It is logged, so a number or a key in its place is none.
fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|id| (1..=128).contains(&id.len()))
        .filter(|id| {
            id.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
        })
        .filter(|id| Uuid::try_parse(id).is_ok() || Redactor::default().find(id).is_empty())
        .map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn log(request_id: &str, handled: &Result<Answer, Problem>) {
    match handled {
        Ok(_) => {}
        Err(problem) if problem.is_ours() => {
            tracing::error!(
                request_id,
                code = problem.code(),
                cause = problem.log_text(),
                "failed"
            );
        }
        Err(problem) => {
            tracing::info!(
                request_id,
                code = problem.code(),
                cause = problem.log_text(),
                "refused"
            );
        }
    }
}

fn server_timing(total: f64, timings: &[(&'static str, f64)]) -> String {
    timings.iter().fold(
        format!("total;dur={total}"),
        |mut text, (name, duration)| {
            text.push_str(&format!(", {name};dur={duration}"));
            text
        },
    )
}

fn listed<'a>(methods: impl IntoIterator<Item = &'a Method>) -> String {
    let methods: Vec<_> = methods.into_iter().map(Method::as_str).collect();
    methods.join(", ")
}

fn respond(
    handled: Result<Answer, Problem>,
    request_id: &str,
    server_timing: &str,
) -> Response<Bytes> {
    let (status, content_type, body, problem) = match handled {
        Ok(answer) => (answer.status, answer.content_type, answer.body, None),
        Err(problem) => {
            let document = problem.document(request_id);
            let status = problem.status();
            (status, "application/problem+json", document, Some(problem))
        }
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status != StatusCode::NO_CONTENT {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut set = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(REQUEST_ID, request_id);
    set(SERVER_TIMING, server_timing);
    if let Some(problem) = problem {
        if let Problem::MethodNotAllowed(allowed) = &problem {
            set(ALLOW, &listed(allowed));
        }
        if let Some(wait) = problem.retry_after() {
            set(RETRY_AFTER, &wait.as_secs().max(1).to_string());
        }
        if problem.status().as_u16() == 489 {
            set(NON_RETRYABLE, "true");
        }
        if problem.status() == StatusCode::UNAUTHORIZED {
            set(http::header::WWW_AUTHENTICATE, "Bearer");
        }
    }
    response
}
