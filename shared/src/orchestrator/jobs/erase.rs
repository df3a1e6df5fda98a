//! An attempt at having others forget, and the sweep of those that are late. An erasure is tried until it
//! is confirmed; it never becomes a dead letter.

use super::sweep::{PUBLISH_DEADLINE, SENT_IN_VAIN};
use super::{BESIDE_THE_WORK, Duration};
use crate::adapters::Error;
use crate::adapters::mem0::Forget;
use crate::adapters::supabase::{ErasureBegun, ErasureWork, LateErasure, StoreError};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::JobOutcome;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::{Delivery, Jobs};
use crate::orchestrator::{App, DATABASE_DEADLINE};
use crate::problem::Problem;

/// Erasures that one sweep takes: they are rare.
const BATCH: i32 = 20;

/// How many users' turns one sweep looks at for what is past its time, and how many turns it erases.
const USERS: i32 = 200;
const TURNS: i32 = 1000;

/// What one sweep did about erasures.
#[derive(Debug, Default)]
pub(super) struct Swept {
    pub(super) taken: u32,
    pub(super) sent: u32,
    pub(super) worked: u32,
}

/// Makes one attempt. What is not confirmed stays queued, and the problem asks for another delivery.
pub async fn work_erasure(app: &App, user: UserId, job: i64) -> Result<JobOutcome, Problem> {
    let lease = app.jobs.work() + BESIDE_THE_WORK;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let begun = app.supabase.begin_erasure(user, job, lease, deadline).await;
    let work = match begun {
        Ok(ErasureBegun::Work(work)) => work,
        Ok(ErasureBegun::Gone) | Err(StoreError::NotFound) => return Ok(JobOutcome::Gone),
        Ok(ErasureBegun::Leased(wait)) => return Err(Problem::JobLeased(wait)),
        Ok(ErasureBegun::UnknownVersion) => {
            return Err(Problem::JobRefused(
                "The queued job has an unknown version.",
            ));
        }
        Err(error) => return Err(error.into()),
    };

    let deadline = Deadline::after(app.jobs.work());
    let (mem0, redis) = tokio::join!(
        forget_facts(app, user, &work, deadline),
        forget_cached(app, user, &work, deadline)
    );
    let clean = (matches!(mem0, Ok(true)), matches!(redis, Ok(true)));
    let waits = matches!(mem0, Ok(false)) || matches!(redis, Ok(false));
    let error = mem0.err().or(redis.err());
    let code = error
        .as_ref()
        .map(|error| format!("{}_{}", error.adapter.name(), error.kind.code()))
        .or_else(|| waits.then(|| "not_configured".to_owned()));
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let settled = app
        .supabase
        .settle_erasure(user, job, work.last, clean, code.as_deref(), deadline)
        .await?;
    match (settled, error) {
        (None, _) => Ok(JobOutcome::Done),
        (Some(_), Some(error)) => Err(Problem::JobDelayed(error)),
        (Some(_), None) if waits => Ok(JobOutcome::Waiting),
        (Some(wait), None) => Err(Problem::JobLeased(wait)),
    }
}

/// Whether nothing is left at Mem0. Without Mem0 the erasure waits until there is one again.
async fn forget_facts(
    app: &App,
    user: UserId,
    work: &ErasureWork,
    deadline: Deadline,
) -> Result<bool, Error> {
    if !work.mem0 {
        return Ok(true);
    }
    let Some(mem0) = &app.mem0 else {
        return Ok(false);
    };
    match (work.session_id, &work.turn_ids) {
        (None, _) => mem0.delete_user(user, deadline).await?,
        (Some(session), None) => {
            let what = Forget::Session(session);
            mem0.forget(user, &what, deadline).await?;
        }
        (Some(session), Some(turns)) => {
            let what = Forget::Turns(session, turns);
            mem0.forget(user, &what, deadline).await?;
        }
    }
    Ok(true)
}

/// Whether nothing is left in Redis. Of a session too all goes: the next context fills it again.
async fn forget_cached(
    app: &App,
    user: UserId,
    work: &ErasureWork,
    deadline: Deadline,
) -> Result<bool, Error> {
    if !work.redis {
        return Ok(true);
    }
    let Some(cache) = &app.cache else {
        return Ok(false);
    };
    cache.purge(user, work.last, deadline).await?;
    Ok(true)
}

/// Sends late erasures again, or makes an attempt here when QStash does not; and erases what is past its
/// time. Nothing of it fails the sweep.
pub(super) async fn sweep(app: &App) -> Swept {
    match app
        .supabase
        .expire_turns(USERS, TURNS, Deadline::after(DATABASE_DEADLINE))
        .await
    {
        Ok(0) => {}
        Ok(turns) => tracing::info!(turns, "past their time and erased"),
        Err(error) => tracing::warn!(?error, "what is past its time was not looked for"),
    }
    let late = match app
        .supabase
        .late_erasures(BATCH, Deadline::after(DATABASE_DEADLINE))
        .await
    {
        Ok(late) => late,
        Err(error) => {
            tracing::warn!(?error, "late erasures were not looked for");
            return Swept::default();
        }
    };
    let mut swept = Swept {
        taken: count(late.len()),
        ..Swept::default()
    };
    let (in_vain, fresh): (Vec<LateErasure>, Vec<LateErasure>) =
        late.into_iter().partition(|job| job.sweeps > SENT_IN_VAIN);
    let to_work = if send(app, &fresh).await {
        swept.sent = count(fresh.len());
        in_vain
    } else {
        fresh.into_iter().chain(in_vain).collect()
    };
    let seconds = app.jobs.sweep_seconds.unsigned_abs();
    let until = Deadline::after(Duration::from_secs(seconds.into()));
    for job in to_work {
        if until.remaining().is_zero() {
            break;
        }
        match work_erasure(app, UserId(job.user_id), job.id).await {
            Ok(_) => swept.worked += 1,
            Err(problem) => tracing::info!(
                job = job.id,
                code = problem.code(),
                cause = problem.log_text(),
                "a late erasure was not done"
            ),
        }
    }
    swept
}

/// Hands erasures to QStash. False when it did not take them all.
async fn send(app: &App, jobs: &[LateErasure]) -> bool {
    if jobs.is_empty() {
        return true;
    }
    if !app.qstash.is_configured() {
        return false;
    }
    let deliveries: Vec<Delivery> = jobs
        .iter()
        .map(|job| Delivery::new(UserId(job.user_id), Jobs::erasure(job.id)))
        .collect();
    let deadline = Deadline::after(PUBLISH_DEADLINE);
    let sent = app.qstash.publish(&deliveries, Pace::Live, deadline).await;
    if let Err(error) = &sent {
        tracing::warn!(%error, erasures = jobs.len(), "not published; they are worked here");
    }
    sent.is_ok()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
