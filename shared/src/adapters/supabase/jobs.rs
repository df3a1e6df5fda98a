//! The database's side of a job: an attempt begins, and is settled in the transaction of its effect.

use std::time::Duration;

use serde::Deserialize;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::malformed;
use super::halfvec::half;
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::adapters::ErrorKind;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;

const BEGIN: &str = "
select outcome, wait, session_id, turn_id, revision, role, text, created_at, repeated, models, started_at
from memories.begin_job($1, $2, $3, $4)";

const SETTLE: &str = "
select memories.settle_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const SETTLE_EMBED: &str = "
select memories.settle_embed_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

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
    /// The embeddings provider: an [`ErrorKind::code`].
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
    pub text: String,
    /// When it was said.
    pub created_at: OffsetDateTime,
    /// Whether an earlier attempt was begun, which may have had its effect.
    pub repeated: bool,
    /// The models that an earlier attempt of this job has embedded it with.
    pub models: Vec<String>,
}

/// A vector of a turn, of length 1.
#[derive(Debug)]
pub struct TurnVector {
    /// Of which turn.
    pub turn: Uuid,
    /// Made of this revision.
    pub revision: i32,
    /// Made with this model.
    pub model: String,
    /// Itself.
    pub vector: Vec<f32>,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Settlement {
    /// Which attempt.
    pub attempt: Attempt,
    /// The turns that are done.
    pub done: Vec<Done>,
    /// The turns that are not.
    pub failed: Vec<Failed>,
    /// What the attempt says of its adapter: nothing when the other side did its work.
    pub trouble: Option<ErrorKind>,
}

/// A turn that is done.
#[derive(Debug)]
pub struct Done {
    /// Which.
    pub turn: Uuid,
    /// The revision that was used.
    pub revision: i32,
    /// What the other side calls it.
    pub external_id: Option<String>,
}

/// A turn that is not done.
#[derive(Debug)]
pub struct Failed {
    /// Which.
    pub turn: Uuid,
    /// Why; nothing when the attempt did not get to it.
    pub cause: Option<ErrorKind>,
    /// Whether the attempt counts towards giving the turn up.
    pub counts: bool,
}

/// What is left of a job after its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing: each of its turns is done or given up.
    Done,
    /// Some of its turns, which wait for another attempt.
    Left,
    /// It was gone before; nothing was written.
    Gone,
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
        let first = rows.first().ok_or_else(|| malformed("no row"))?;
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

    /// Ends an attempt whose effect is not in the database.
    pub async fn settle_job(
        &self,
        user: UserId,
        (adapter, job): (JobAdapter, i64),
        settlement: &Settlement,
        max_attempts: i32,
        deadline: Deadline,
    ) -> Result<Settled, StoreError> {
        let parts = Parts::of(settlement);
        let external_ids: Vec<Option<&str>> = settlement
            .done
            .iter()
            .map(|done| done.external_id.as_deref())
            .collect();
        let adapter = adapter.name();
        let mut params: Vec<Param<'_>> = vec![
            (&adapter, Type::TEXT),
            (&job, Type::INT8),
            (&settlement.attempt.session, Type::UUID),
            (&settlement.attempt.started_at, Type::TIMESTAMPTZ),
            (&parts.done, Type::UUID_ARRAY),
            (&parts.done_revisions, Type::INT4_ARRAY),
            (&external_ids, Type::TEXT_ARRAY),
        ];
        parts.add_failed(&mut params);
        params.push((&max_attempts, Type::INT4));
        parts.add_trouble(&mut params);
        let rows = self
            .transact("settle_job", Actor::Worker(user), SETTLE, &params, deadline)
            .await?;
        settled(&rows)
    }

    /// Writes the vectors of an attempt and ends it, in one transaction.
    pub async fn settle_embed_job(
        &self,
        user: UserId,
        job: i64,
        vectors: &[TurnVector],
        settlement: &Settlement,
        max_attempts: i32,
        deadline: Deadline,
    ) -> Result<Settled, StoreError> {
        let halfvecs = self.halfvec_types(deadline).await?.many.clone();
        let parts = Parts::of(settlement);
        let turns: Vec<Uuid> = vectors.iter().map(|vector| vector.turn).collect();
        let revisions: Vec<i32> = vectors.iter().map(|vector| vector.revision).collect();
        let models: Vec<&str> = vectors.iter().map(|vector| vector.model.as_str()).collect();
        let vectors: Vec<_> = vectors.iter().map(|vector| half(&vector.vector)).collect();
        let mut params: Vec<Param<'_>> = vec![
            (&job, Type::INT8),
            (&settlement.attempt.session, Type::UUID),
            (&settlement.attempt.started_at, Type::TIMESTAMPTZ),
            (&turns, Type::UUID_ARRAY),
            (&revisions, Type::INT4_ARRAY),
            (&models, Type::TEXT_ARRAY),
            (&vectors, halfvecs),
            (&parts.done, Type::UUID_ARRAY),
            (&parts.done_revisions, Type::INT4_ARRAY),
        ];
        parts.add_failed(&mut params);
        params.push((&max_attempts, Type::INT4));
        parts.add_trouble(&mut params);
        let rows = self
            .transact(
                "settle_embed_job",
                Actor::Worker(user),
                SETTLE_EMBED,
                &params,
                deadline,
            )
            .await?;
        settled(&rows)
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
        let row = rows.first().ok_or_else(|| malformed("no row"))?;
        let buried: i32 = row.try_get(0).map_err(malformed)?;
        Ok(buried.unsigned_abs())
    }
}

/// A settlement as the statements take it: an array per column.
struct Parts {
    done: Vec<Uuid>,
    done_revisions: Vec<i32>,
    failed: Vec<Uuid>,
    codes: Vec<Option<&'static str>>,
    counts: Vec<bool>,
    trouble: Option<&'static str>,
    opens: bool,
}

impl Parts {
    fn of(settlement: &Settlement) -> Self {
        let failed = &settlement.failed;
        Self {
            done: settlement.done.iter().map(|done| done.turn).collect(),
            done_revisions: settlement.done.iter().map(|done| done.revision).collect(),
            failed: failed.iter().map(|failed| failed.turn).collect(),
            codes: failed
                .iter()
                .map(|failed| failed.cause.map(ErrorKind::code))
                .collect(),
            counts: failed.iter().map(|failed| failed.counts).collect(),
            trouble: settlement.trouble.map(ErrorKind::code),
            opens: settlement.trouble == Some(ErrorKind::Denied),
        }
    }

    fn add_failed<'a>(&'a self, params: &mut Vec<Param<'a>>) {
        params.push((&self.failed, Type::UUID_ARRAY));
        params.push((&self.codes, Type::TEXT_ARRAY));
        params.push((&self.counts, Type::BOOL_ARRAY));
    }

    fn add_trouble<'a>(&'a self, params: &mut Vec<Param<'a>>) {
        params.push((&self.trouble, Type::TEXT));
        params.push((&self.opens, Type::BOOL));
    }
}

fn turn(row: &Row) -> Result<JobTurn, tokio_postgres::Error> {
    Ok(JobTurn {
        id: row.try_get(3)?,
        revision: row.try_get(4)?,
        role: row.try_get(5)?,
        text: row.try_get(6)?,
        created_at: row.try_get(7)?,
        repeated: row.try_get(8)?,
        models: row
            .try_get::<_, Option<Vec<String>>>(9)?
            .unwrap_or_default(),
    })
}

fn settled(rows: &[Row]) -> Result<Settled, StoreError> {
    let row = rows.first().ok_or_else(|| malformed("no row"))?;
    match row.try_get(0).map_err(malformed)? {
        "done" => Ok(Settled::Done),
        "left" => Ok(Settled::Left),
        "gone" => Ok(Settled::Gone),
        other => Err(malformed(format!("a settlement `{other}`"))),
    }
}
