//! The database's side of forgetting: the rows at once, and the job for what others hold.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::error::{malformed, one};
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

const ERASE: &str = "
select memories.erase($1, $2, $3, $4, $5)";

const BEGIN: &str = "
select memories.begin_erasure($1, $2)";

const SETTLE: &str = "
select memories.settle_erasure($1, $2, $3, $4, $5)";

const LATE: &str = "
select memories.late_erasures($1)";

const EXPIRE: &str = "
select memories.expire_turns($1, $2)";

// Row level security shows a user their own.
const LIST: &str = "
select e.id, e.scope, e.requested_at, e.rows, e.mem0, e.redis, e.confirmed_at
from memories.erasures as e
where e.subject = (select memories.subject())
order by e.requested_at desc, e.id desc
limit 100";

/// Who else holds something of a user, and for how long something may still be on its way there.
#[derive(Debug, Clone, Copy)]
pub struct Others {
    /// Whether Mem0 is used.
    pub mem0: bool,
    /// Whether Redis is.
    pub redis: bool,
    /// After its beginning, an attempt to bring turns to Mem0 may have an effect there for so long.
    pub push: Duration,
    /// A request may run for so long.
    pub request: Duration,
}

/// An erasure: the rows are gone.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Erased {
    /// Of the record.
    pub erasure_id: Uuid,
    /// Of the job for the others, when there is something to do.
    pub job_id: Option<i64>,
}

/// How the beginning of an attempt went.
#[derive(Debug)]
pub enum ErasureBegun {
    /// This is to be done.
    Work(ErasureWork),
    /// It is confirmed.
    Gone,
    /// Another attempt runs; its lease ends then.
    Leased(Duration),
    /// The queued payload is of a version that this code does not know.
    UnknownVersion,
}

/// What an attempt has to do.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ErasureWork {
    /// One session; of nothing, all that there is of the user.
    pub session_id: Option<Uuid>,
    /// Of that session, these turns alone.
    pub turn_ids: Option<Vec<Uuid>>,
    /// Whether Mem0 has to confirm.
    pub mem0: bool,
    /// Whether Redis has to.
    pub redis: bool,
    /// Nothing that was under way can write any more: what is gone now stays so.
    pub last: bool,
}

/// An erasure whose next attempt is due.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LateErasure {
    /// Whose.
    pub user_id: Uuid,
    /// Of its job.
    pub id: i64,
    /// How many sweeps have taken it, with this one.
    pub sweeps: u32,
}

/// The record of an erasure.
#[derive(Debug)]
pub struct ErasureRow {
    /// Its id.
    pub id: Uuid,
    /// `all`, `session` or `retention`.
    pub scope: String,
    /// When it was asked for.
    pub requested_at: OffsetDateTime,
    /// How many rows went, per kind.
    pub rows: Value,
    /// `pending`, `done` or `skipped`.
    pub mem0: String,
    /// The same of Redis.
    pub redis: String,
    /// When nothing was left anywhere.
    pub confirmed_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct Answer {
    outcome: String,
    #[serde(default)]
    wait: u64,
}

impl Supabase {
    /// Erases a session, or all that there is of the user, in one transaction. A session that is not
    /// there is [`StoreError::NotFound`]; one that was erased answers as it did then.
    pub async fn erase(
        &self,
        user: UserId,
        session: Option<Uuid>,
        others: Others,
        deadline: Deadline,
    ) -> Result<Erased, StoreError> {
        let (push, request) = (seconds(others.push), seconds(others.request));
        let params: [Param<'_>; 5] = [
            (&session, Type::UUID),
            (&others.mem0, Type::BOOL),
            (&others.redis, Type::BOOL),
            (&push, Type::INT4),
            (&request, Type::INT4),
        ];
        let rows = self
            .transact("erase", Actor::User(user), ERASE, &params, deadline)
            .await?;
        let Json(erased) = one(&rows)?.try_get(0).map_err(malformed)?;
        Ok(erased)
    }

    /// Begins an attempt, which has the erasure for itself for `lease`. Another user's job is
    /// [`StoreError::NotFound`].
    pub async fn begin_erasure(
        &self,
        user: UserId,
        job: i64,
        lease: Duration,
        deadline: Deadline,
    ) -> Result<ErasureBegun, StoreError> {
        let lease = seconds(lease);
        let params: [Param<'_>; 2] = [(&job, Type::INT8), (&lease, Type::INT4)];
        let actor = Actor::Worker(user);
        let rows = self
            .transact("begin_erasure", actor, BEGIN, &params, deadline)
            .await?;
        let Json(answer): Json<Value> = one(&rows)?.try_get(0).map_err(malformed)?;
        let outcome = Answer::deserialize(&answer).map_err(malformed)?;
        match outcome.outcome.as_str() {
            "work" => {
                let work = serde_json::from_value(answer).map_err(malformed)?;
                Ok(ErasureBegun::Work(work))
            }
            "gone" => Ok(ErasureBegun::Gone),
            "leased" => Ok(ErasureBegun::Leased(Duration::from_secs(outcome.wait))),
            "unknown" => Ok(ErasureBegun::UnknownVersion),
            other => Err(malformed(format!("an erasure `{other}`"))),
        }
    }

    /// Ends an attempt: whether it was the `last` look, and whether nothing is left at Mem0 and in Redis.
    /// Nothing when all is confirmed, else when the next attempt can be of use.
    pub async fn settle_erasure(
        &self,
        user: UserId,
        job: i64,
        last: bool,
        clean: (bool, bool),
        code: Option<&str>,
        deadline: Deadline,
    ) -> Result<Option<Duration>, StoreError> {
        let (mem0, redis) = clean;
        let params: [Param<'_>; 5] = [
            (&job, Type::INT8),
            (&last, Type::BOOL),
            (&mem0, Type::BOOL),
            (&redis, Type::BOOL),
            (&code, Type::TEXT),
        ];
        let actor = Actor::Worker(user);
        let rows = self
            .transact("settle_erasure", actor, SETTLE, &params, deadline)
            .await?;
        let wait: Option<i32> = one(&rows)?.try_get(0).map_err(malformed)?;
        Ok(wait.map(|wait| Duration::from_secs(wait.unsigned_abs().into())))
    }

    /// Takes erasures whose next attempt is due, `limit` at most.
    pub async fn late_erasures(
        &self,
        limit: i32,
        deadline: Deadline,
    ) -> Result<Vec<LateErasure>, StoreError> {
        let params: [Param<'_>; 1] = [(&limit, Type::INT4)];
        let rows = self
            .transact("late_erasures", Actor::Sweeper, LATE, &params, deadline)
            .await?;
        let Json(late) = one(&rows)?.try_get(0).map_err(malformed)?;
        Ok(late)
    }

    /// Erases turns that are past their policy's days: one step of the rounds over the users, `turns` at
    /// most. Returns how many.
    pub async fn expire_turns(
        &self,
        users: i32,
        turns: i32,
        deadline: Deadline,
    ) -> Result<u32, StoreError> {
        let params: [Param<'_>; 2] = [(&users, Type::INT4), (&turns, Type::INT4)];
        let rows = self
            .transact("expire_turns", Actor::Sweeper, EXPIRE, &params, deadline)
            .await?;
        let expired: i32 = one(&rows)?.try_get(0).map_err(malformed)?;
        Ok(expired.unsigned_abs())
    }

    /// The user's latest erasures, a hundred at most.
    pub async fn erasures(
        &self,
        user: UserId,
        deadline: Deadline,
    ) -> Result<Vec<ErasureRow>, StoreError> {
        let rows = self
            .transact("erasures", Actor::User(user), LIST, &[], deadline)
            .await?;
        let read: Result<Vec<_>, tokio_postgres::Error> = rows.iter().map(erasure).collect();
        read.map_err(malformed)
    }
}

fn erasure(row: &Row) -> Result<ErasureRow, tokio_postgres::Error> {
    let Json(rows) = row.try_get(3)?;
    Ok(ErasureRow {
        id: row.try_get(0)?,
        scope: row.try_get(1)?,
        requested_at: row.try_get(2)?,
        rows,
        mem0: row.try_get(4)?,
        redis: row.try_get(5)?,
        confirmed_at: row.try_get(6)?,
    })
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}
