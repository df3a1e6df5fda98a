//! Spans and logs: JSON lines on standard output, written before the answer leaves.
//!
//! Spans: `memory.intent` per request, `adapter.<name>` per call of an adapter, each with `status`
//! and `duration_ms`. What may never stand in one: text of a user, tokens, keys, URLs with
//! credentials.

use std::cell::RefCell;
use std::future::Future;
use std::time::Instant;

use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Span, info_span};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::adapters::supabase::StoreError;
use crate::adapters::{self, Adapter};

tokio::task_local! {
    /// How long each call of an adapter took in the running request, in milliseconds.
    static TIMINGS: RefCell<Vec<(&'static str, f64)>>;
}

/// Installs the subscriber of this process; another layer (an exporter) only joins the list.
pub fn install() {
    let level = std::env::var(crate::config::env::MEMORY_LOG.name)
        .ok()
        .and_then(|text| text.parse::<LevelFilter>().ok())
        // Below `debug` Lambda's runtime logs whole events, tokens and texts included.
        .map(|level| level.min(LevelFilter::DEBUG))
        .unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_span_events(FmtSpan::CLOSE)
        .with_filter(level);
    // A second installation, in a test process, changes nothing.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // Only where: the message may quote a value.
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// The span of one request.
pub fn intent_span(intent: &'static str, request_id: &str) -> Span {
    info_span!(
        "memory.intent",
        intent,
        request_id,
        status = Empty,
        duration_ms = Empty
    )
}

/// The span of one call of an adapter.
pub fn adapter_span(adapter: Adapter, operation: &'static str) -> Span {
    // A span's name is fixed when it is compiled, so there is one place per adapter.
    macro_rules! span {
        ($name:literal) => {
            info_span!($name, operation, status = Empty, duration_ms = Empty)
        };
    }
    match adapter {
        Adapter::Supabase => span!("adapter.supabase"),
        Adapter::Upstash => span!("adapter.upstash"),
        Adapter::Embeddings => span!("adapter.embeddings"),
        Adapter::Mem0 => span!("adapter.mem0"),
        Adapter::Redis => span!("adapter.redis"),
        Adapter::Issuer => span!("adapter.issuer"),
    }
}

/// What a span's `status` says of a failure.
pub trait SpanStatus {
    /// A stable word.
    fn status(&self) -> &'static str;
}

impl SpanStatus for adapters::Error {
    fn status(&self) -> &'static str {
        self.kind.code()
    }
}

impl SpanStatus for StoreError {
    fn status(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::TurnConflict(_) => "conflict",
            Self::TurnErased(_) => "erased",
            Self::UnknownTimeZone => "unknown_time_zone",
            Self::Adapter(error) => error.kind.code(),
        }
    }
}

/// Runs the work of an adapter's span, and records how it went and how long it took.
pub async fn observed<T, E: SpanStatus>(
    span: Span,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let start = Instant::now();
    let result = work.await;
    let duration = milliseconds(start);
    span.record(
        "status",
        result.as_ref().map_or_else(SpanStatus::status, |_| "ok"),
    );
    span.record("duration_ms", duration);
    let name = span
        .metadata()
        .map_or("adapter", |metadata| metadata.name());
    let name = name.strip_prefix("adapter.").unwrap_or(name);
    // Outside a request (a warm-up) nobody asks.
    let _ = TIMINGS.try_with(|timings| timings.borrow_mut().push((name, duration)));
    result
}

/// Runs a request and collects its adapters' timings.
pub async fn with_timings<T>(request: impl Future<Output = T>) -> (T, Vec<(&'static str, f64)>) {
    TIMINGS
        .scope(RefCell::default(), async {
            let result = request.await;
            let timings = TIMINGS.with(RefCell::take);
            (result, timings)
        })
        .await
}

/// Milliseconds since `start`, to the microsecond.
pub fn milliseconds(start: Instant) -> f64 {
    (start.elapsed().as_secs_f64() * 1e6).round() / 1e3
}
