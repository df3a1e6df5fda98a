//! How an attempt at a job ends: in one transaction with its effect.

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::{malformed, one};
use super::halfvec::half;
use super::jobs::Attempt;
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::adapters::ErrorKind;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;

const SETTLE: &str = "
select memories.settle_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

const SETTLE_EMBED: &str = "
select memories.settle_embed_job($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

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

fn settled(rows: &[Row]) -> Result<Settled, StoreError> {
    let row = one(rows)?;
    match row.try_get(0).map_err(malformed)? {
        "done" => Ok(Settled::Done),
        "left" => Ok(Settled::Left),
        "gone" => Ok(Settled::Gone),
        other => Err(malformed(format!("a settlement `{other}`"))),
    }
}
