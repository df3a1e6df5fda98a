//! How each adapter's part went.

use std::future::Future;
use std::time::{Duration, Instant};

use super::App;
use crate::adapters::Adapter;
use crate::adapters::supabase::Down;
use crate::contract::answers::{
    AdapterReport, AdapterStatus, HealthAdapters, HealthAnswer, OpenCircuit, Status,
};
use crate::domain::deadline::Deadline;
use crate::domain::job::JobAdapter;
use crate::telemetry::milliseconds;

impl AdapterReport {
    /// Switched off, or nothing to do.
    pub(super) fn skipped() -> Self {
        Self {
            status: AdapterStatus::Skipped,
            duration_ms: 0.0,
        }
    }
}

/// Runs an adapter's part and reports it.
pub(super) async fn reported<T, E>(
    work: impl Future<Output = Result<T, E>>,
) -> (Result<T, E>, AdapterReport) {
    let start = Instant::now();
    let result = work.await;
    let status = if result.is_ok() {
        AdapterStatus::Ok
    } else {
        AdapterStatus::Error
    };
    let report = AdapterReport {
        status,
        duration_ms: milliseconds(start),
    };
    (result, report)
}

/// Whether the instance can do its work: the database answers, the others are configured and were not
/// found down.
pub async fn readiness(app: &App) -> HealthAnswer {
    let deadline = Deadline::after(Duration::from_secs(1));
    let (down, supabase) = reported(app.supabase.open_circuits(deadline)).await;
    let is_ready = down.is_ok();
    let down = down.unwrap_or_else(|error| {
        tracing::warn!(?error, "not ready");
        Down::default()
    });
    let open_circuits = [
        (Adapter::Embeddings, JobAdapter::Embed, down.embed),
        (Adapter::Mem0, JobAdapter::Mem0, down.mem0),
    ]
    .into_iter()
    .filter(|(_, job, _)| app.does(*job))
    .filter_map(|(adapter, _, reason)| {
        Some(OpenCircuit {
            adapter: adapter.name(),
            reason: reason?,
        })
    })
    .collect::<Vec<_>>();
    let report = |adapter: Adapter, configured: bool| {
        let is_open = open_circuits
            .iter()
            .any(|open| open.adapter == adapter.name());
        AdapterReport {
            status: match (configured, is_open) {
                (false, _) => AdapterStatus::Skipped,
                (true, false) => AdapterStatus::Ok,
                (true, true) => AdapterStatus::Error,
            },
            duration_ms: 0.0,
        }
    };
    let adapters = HealthAdapters {
        supabase,
        upstash: report(Adapter::Upstash, app.qstash.is_configured()),
        embeddings: report(Adapter::Embeddings, app.embedder.is_some()),
        mem0: report(Adapter::Mem0, app.mem0.is_some()),
    };
    HealthAnswer {
        status: match (is_ready, open_circuits.is_empty()) {
            (false, _) => Status::Error,
            (true, false) => Status::Partial,
            (true, true) => Status::Ok,
        },
        version: env!("CARGO_PKG_VERSION"),
        adapters: Some(adapters),
        open_circuits: Some(open_circuits),
    }
}
