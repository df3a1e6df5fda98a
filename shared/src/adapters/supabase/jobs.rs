//! The database's side of a job: an attempt begins, or the job is given up. `settle.rs` ends an
//! attempt.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::{malformed, one};
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;
use crate::redact::RawText;

const BEGIN: &str = "
select outcome, wait, session_id, turn_id, revision, role, text, created_at, repeated, models, started_at
from memories.begin_job($1, $2, $3, $4)";

const GIVE_UP: &str = "
select memories.give_up_job($1, $2, $3, $4)";

/// A job in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueuedJob {
    /// Which queue.
    pub adapter: JobAdapter,
    /// Its id there.
    pub id: i64,
}

/// Why each adapter is left alone, where one is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Down {
    /// The embeddings provider: an [`ErrorKind::code`](crate::adapters::ErrorKind::code).
    pub embed: Option<String>,
    /// Mem0.
    pub mem0: Option<String>,
}

/// How the beginning of an attempt went.
#[derive(Debug)]
pub enum Begun {
    /// These turns are the attempt's, until its lease ends.
    Work(Work),
    /// Nothing is left to do.
    Gone,
    /// Another attempt runs; its lease ends then.
    Leased(Duration),
    /// The adapter is known to be down; the next look at it is then.
    CircuitOpen(Duration),
    /// The queued payload is of a version that this code does not know.
    UnknownVersion,
}

/// What an attempt has to do.
#[derive(Debug)]
pub struct Work {
    /// Which attempt at which session's turns.
    pub attempt: Attempt,
    /// The turns that are still there and still wanted, in their order.
    pub turns: Vec<JobTurn>,
}

/// An attempt: one that has outlived its lease cannot settle over the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The session of its turns.
    pub session: Uuid,
    /// When it began, by the database's clock.
    pub started_at: OffsetDateTime,
}

/// A turn of a job.
#[derive(Debug)]
pub struct JobTurn {
    /// Ours.
    pub id: Uuid,
    /// The one that `text` is of.
    pub revision: i32,
    /// Who said it.
    pub role: String,
    /// Never empty.
    pub text: RawText,
    /// When it was said.
    pub created_at: OffsetDateTime,
    /// Whether an earlier attempt was begun, which may have had its effect.
    pub repeated: bool,
    /// The models that an earlier attempt of this job has embedded it with.
    pub models: Vec<String>,
}

impl Supabase {
    /// Begins an attempt: counts it, and has the job's turns for `lease`. A job of another user is
    /// [`StoreError::NotFound`].
    pub async fn begin_job(
        &self,
        user: UserId,
        (adapter, job): (JobAdapter, i64),
        lease: Duration,
        max_attempts: i32,
        deadline: Deadline,
    ) -> Result<Begun, StoreError> {
        let lease = i32::try_from(lease.as_secs()).unwrap_or(i32::MAX);
        let rows = self
            .transact(
                "begin_job",
                Actor::Worker(user),
                BEGIN,
                &[
                    (&adapter.name(), Type::TEXT),
                    (&job, Type::INT8),
                    (&lease, Type::INT4),
                    (&max_attempts, Type::INT4),
                ],
                deadline,
            )
            .await?;
        let first = one(&rows)?;
        let wait = || {
            let seconds: i32 = first.try_get(1).map_err(malformed)?;
            Ok::<_, StoreError>(Duration::from_secs(u64::from(seconds.unsigned_abs())))
        };
        match first.try_get(0).map_err(malformed)? {
            "work" => Ok(Begun::Work(Work {
                attempt: Attempt {
                    session: first.try_get(2).map_err(malformed)?,
                    started_at: first.try_get(10).map_err(malformed)?,
                },
                turns: rows
                    .iter()
                    .map(turn)
                    .collect::<Result<_, _>>()
                    .map_err(malformed)?,
            })),
            "gone" => Ok(Begun::Gone),
            "leased" => Ok(Begun::Leased(wait()?)),
            "open" => Ok(Begun::CircuitOpen(wait()?)),
            "unknown" => Ok(Begun::UnknownVersion),
            other => Err(malformed(format!("an outcome `{other}`"))),
        }
    }

    /// QStash delivers a job no more. `for_good` puts its turns among the dead letters, else the
    /// sweeper goes on with it. Returns how many turns were given up.
    pub async fn give_up_job(
        &self,
        user: UserId,
        (adapter, job): (JobAdapter, i64),
        code: &str,
        for_good: bool,
        deadline: Deadline,
    ) -> Result<u32, StoreError> {
        let rows = self
            .transact(
                "give_up_job",
                Actor::Worker(user),
                GIVE_UP,
                &[
                    (&adapter.name(), Type::TEXT),
                    (&job, Type::INT8),
                    (&code, Type::TEXT),
                    (&for_good, Type::BOOL),
                ],
                deadline,
            )
            .await?;
        let row = one(&rows)?;
        let buried: i32 = row.try_get(0).map_err(malformed)?;
        Ok(buried.unsigned_abs())
    }
}

fn turn(row: &Row) -> Result<JobTurn, tokio_postgres::Error> {
    Ok(JobTurn {
        id: row.try_get(3)?,
        revision: row.try_get(4)?,
        role: row.try_get(5)?,
        text: RawText::new(row.try_get::<_, String>(6)?),
        created_at: row.try_get(7)?,
        repeated: row.try_get(8)?,
        models: row
            .try_get::<_, Option<Vec<String>>>(9)?
            .unwrap_or_default(),
    })
}
