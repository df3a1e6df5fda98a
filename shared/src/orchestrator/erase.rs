//! Forgetting: the rows in one transaction, then a job for what Mem0 and Redis hold.

use std::time::Duration;

use super::jobs::BESIDE_THE_WORK;
use super::publish::{overall, publish};
use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::{ErasureRow, Others};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{
    Confirmation, ErasureAnswer, ErasureList, ErasureRecord, ErasureScope, Status,
};
use crate::contract::scalars::{ClientId, Moment};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::job::Jobs;
use crate::problem::Problem;

/// How long the database may take: a user may have very many rows, and they go in one transaction.
const ERASE_DEADLINE: Duration = Duration::from_secs(25);

/// How long a self-hosted Mem0 may work at an add that nobody waits for any more.
const UNHEARD: Duration = Duration::from_secs(30);

/// How long a request of any function but the jobs' may run, on both hosts, and some more.
const LONGEST_REQUEST: Duration = Duration::from_secs(20);

/// Erases all that there is of the user.
pub async fn erase_memory(app: &App, user: UserId) -> Result<ErasureAnswer, Problem> {
    erase(app, user, None).await
}

/// Erases a session.
pub async fn erase_session(
    app: &App,
    user: UserId,
    session: &ClientId,
) -> Result<ErasureAnswer, Problem> {
    erase(app, user, Some(Id::of_session(user, session))).await
}

async fn erase(app: &App, user: UserId, session: Option<Id>) -> Result<ErasureAnswer, Problem> {
    let others = Others {
        mem0: app.mem0.is_some(),
        redis: app.cache.is_some(),
        push: app.jobs.work() + BESIDE_THE_WORK + UNHEARD,
        request: LONGEST_REQUEST,
    };
    let deadline = Deadline::after(ERASE_DEADLINE);
    let session = session.map(|session| session.uuid);
    let erased = app.supabase.erase(user, session, others, deadline).await?;
    let jobs: Vec<Jobs> = erased.job_id.map(Jobs::erasure).into_iter().collect();
    // From here on no cached context is served; the job takes them away.
    let (upstash, ()) = tokio::join!(
        publish(app, user, &jobs, Pace::Live),
        app.forget_contexts(user)
    );
    let is_queued = jobs.is_empty() || app.qstash.is_configured();
    Ok(ErasureAnswer {
        erasure_id: erased.erasure_id,
        status: if is_queued {
            overall(&[&upstash])
        } else {
            Status::Partial
        },
    })
}

/// The user's latest erasures, with what the others say of them.
pub async fn list_erasures(app: &App, user: UserId) -> Result<ErasureList, Problem> {
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let rows = app.supabase.erasures(user, deadline).await?;
    let records: Option<Vec<ErasureRecord>> = rows.into_iter().map(record).collect();
    Ok(ErasureList {
        erasures: records.ok_or_else(|| Problem::Internal("an unknown erasure".to_owned()))?,
    })
}

fn record(row: ErasureRow) -> Option<ErasureRecord> {
    Some(ErasureRecord {
        erasure_id: row.id,
        scope: ErasureScope::from_word(&row.scope)?,
        requested_at: Moment(row.requested_at),
        rows: row.rows,
        mem0: Confirmation::from_word(&row.mem0)?,
        redis: Confirmation::from_word(&row.redis)?,
        confirmed_at: row.confirmed_at.map(Moment),
    })
}
