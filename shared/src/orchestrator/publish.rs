//! Handing jobs to QStash, after they are durable.

use super::report::reported;
use super::{App, PUBLISH_DEADLINE};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{AdapterReport, AdapterStatus, Status};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::{Delivery, Jobs};

/// Publishes what there is to publish. A failure is reported and logged, not returned: the jobs are
/// in the database, and a sync or the sweeper sends them again.
pub(super) async fn publish(app: &App, user: UserId, jobs: &[Jobs], pace: Pace) -> AdapterReport {
    let deliveries: Vec<Delivery> = jobs
        .iter()
        .filter(|jobs| !jobs.is_empty())
        .map(|jobs| Delivery::new(user, *jobs))
        .collect();
    if deliveries.is_empty() || !app.qstash.is_configured() {
        return AdapterReport::skipped();
    }
    let deadline = Deadline::after(PUBLISH_DEADLINE);
    let (result, report) = reported(app.qstash.publish(&deliveries, pace, deadline)).await;
    if let Err(error) = result {
        tracing::warn!(%error, jobs = deliveries.len(), "not published");
    }
    report
}

/// The request's status, when the database did its part.
pub(super) fn overall(others: &[&AdapterReport]) -> Status {
    if others
        .iter()
        .any(|report| report.status == AdapterStatus::Error)
    {
        Status::Partial
    } else {
        Status::Ok
    }
}
