//! How each adapter's part went.

use std::future::Future;
use std::time::{Duration, Instant};

use super::App;
use crate::contract::answers::{
    AdapterReport, AdapterStatus, HealthAdapters, HealthAnswer, Status,
};
use crate::domain::deadline::Deadline;
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

/// Whether the instance can do its work: the database answers, the others are configured.
pub async fn readiness(app: &App) -> HealthAnswer {
    let deadline = Deadline::after(Duration::from_secs(1));
    let (database, supabase) = reported(app.supabase.ping(deadline)).await;
    if let Err(error) = &database {
        tracing::warn!(%error, "not ready");
    }
    let configured = |there: bool| AdapterReport {
        status: if there {
            AdapterStatus::Ok
        } else {
            AdapterStatus::Skipped
        },
        duration_ms: 0.0,
    };
    HealthAnswer {
        status: if database.is_ok() {
            Status::Ok
        } else {
            Status::Error
        },
        version: env!("CARGO_PKG_VERSION"),
        adapters: Some(HealthAdapters {
            supabase,
            upstash: configured(app.qstash.is_configured()),
            embeddings: configured(app.embedder.is_some()),
        }),
    }
}
