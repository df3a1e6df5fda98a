//! The sweeper: what was not finished in time is sent again, and when QStash cannot be reached it is
//! worked here.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::{erase, work_job};
use crate::adapters::supabase::LateJob;
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{JobAnswer, JobOutcome, SweepReport};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::{Delivery, JobAdapter, Jobs};
use crate::orchestrator::{App, DATABASE_DEADLINE};
use crate::problem::Problem;

/// How long QStash may take to be handed a batch.
pub(super) const PUBLISH_DEADLINE: Duration = Duration::from_secs(3);

/// How often a job is sent again before the sweeper does it itself: QStash takes it, and it does not
/// come.
pub(super) const SENT_IN_VAIN: u32 = 3;

/// Jobs that are worked at once.
const AT_ONCE: usize = 4;

/// One sweep.
pub async fn sweep(app: &App) -> Result<JobAnswer, Problem> {
    let adapters: Vec<&str> = JobAdapter::ALL
        .into_iter()
        .filter(|adapter| app.does(*adapter))
        .map(JobAdapter::name)
        .collect();
    // Longer than it can last: the time for its own work, for the last job of that, and for QStash.
    let seconds = app.jobs.sweep_seconds + app.jobs.work_seconds + 20;
    let begun = app
        .supabase
        .begin_sweep(
            &adapters,
            app.jobs.sweep_batch,
            seconds,
            Deadline::after(DATABASE_DEADLINE),
        )
        .await?;
    if begun.busy {
        return Ok(JobOutcome::Leased.into());
    }

    let taken = begun.jobs.len();
    let (in_vain, fresh): (Vec<LateJob>, Vec<LateJob>) = begun
        .jobs
        .into_iter()
        .partition(|job| job.sweeps > SENT_IN_VAIN);
    let (sent, to_work) = if send(app, &fresh).await {
        (fresh.len(), in_vain)
    } else {
        (0, fresh.into_iter().chain(in_vain).collect())
    };
    let worked = work(app, to_work).await;
    let erasures = erase::sweep(app).await;
    tend(app).await;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    if let Err(error) = app.supabase.end_sweep(deadline).await {
        tracing::warn!(?error, "the sweep's end could not be noted");
    }
    Ok(JobAnswer {
        outcome: JobOutcome::Done,
        sweep: Some(SweepReport {
            taken: count(taken) + erasures.taken,
            sent: count(sent) + erasures.sent,
            worked: worked + erasures.worked,
            adopted: begun.adopted,
        }),
    })
}

/// Hands jobs to QStash. False when it did not take them all.
async fn send(app: &App, jobs: &[LateJob]) -> bool {
    if jobs.is_empty() {
        return true;
    }
    if !app.qstash.is_configured() {
        return false;
    }
    let deliveries: Vec<Delivery> = jobs
        .iter()
        .map(|job| {
            Delivery::new(UserId(job.user_id), Jobs::one(job.adapter, job.id)).again(job.sweeps)
        })
        .collect();
    let deadline = Deadline::after(PUBLISH_DEADLINE);
    match app.qstash.publish(&deliveries, Pace::Live, deadline).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, jobs = deliveries.len(), "not published; they are worked here");
            false
        }
    }
}

/// Works jobs until the time is up, and returns how many were done. Those of one user and adapter
/// come one after the other, in their order.
async fn work(app: &App, jobs: Vec<LateJob>) -> u32 {
    let seconds = app.jobs.sweep_seconds.unsigned_abs();
    let until = Deadline::after(Duration::from_secs(seconds.into()));
    let mut lines: BTreeMap<(uuid::Uuid, &str), Vec<LateJob>> = BTreeMap::new();
    for job in jobs {
        let line = (job.user_id, job.adapter.name());
        lines.entry(line).or_default().push(job);
    }
    futures_util::stream::iter(lines.into_values())
        .map(|line| async move {
            let mut done = 0;
            for job in line {
                if until.remaining().is_zero() {
                    break;
                }
                match work_job(app, job.adapter, UserId(job.user_id), job.id).await {
                    Ok(_) => done += 1,
                    Err(problem) => tracing::info!(
                        adapter = job.adapter.name(),
                        job = job.id,
                        code = problem.code(),
                        cause = problem.log_text(),
                        "a late job was not done"
                    ),
                }
            }
            done
        })
        .buffer_unordered(AT_ONCE)
        .fold(0, |all, done| async move { all + done })
        .await
}

/// Looks after the indexes, and tells an operator what the database cannot do by itself.
async fn tend(app: &App) {
    match app
        .supabase
        .tend_large_users(Deadline::after(DATABASE_DEADLINE))
        .await
    {
        Ok(None) => {}
        Ok(Some(upkeep)) => {
            let overdue: Vec<&str> = upkeep
                .vacuum
                .iter()
                .map(|overdue| overdue.table.as_str())
                .collect();
            let (to_build, to_drop) = (upkeep.to_build.len(), upkeep.to_drop.len());
            if !overdue.is_empty() || to_build + to_drop > 0 {
                tracing::warn!(
                    to_build,
                    to_drop,
                    vacuum_overdue = overdue.join(" "),
                    "the database wants attention"
                );
            }
        }
        Err(error) => tracing::warn!(?error, "the large users were not looked after"),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
