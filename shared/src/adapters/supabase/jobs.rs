//! The database's side of a job: taking it, writing its effect, noting its failure.

use serde::Deserialize;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::malformed;
use super::halfvec::half;
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::adapters::ErrorKind;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

const BEGIN_EMBED: &str = "
select version, session_id, turn_id, revision, text
from memories.begin_embed_job($1, $2)";

const FINISH_EMBED: &str = "
select memories.finish_embed_job($1, $2, $3, $4, $5, $6)";

const NOTE_FAILURE: &str = "
select memories.note_job_failure($1, $2, $3)";

/// A job in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QueuedJob {
    /// `embed` or `mem0`.
    pub adapter: String,
    /// Its id in that queue.
    pub id: i64,
}

/// What an embedding job has to do.
#[derive(Debug)]
pub struct EmbedWork {
    /// Of the queued payload.
    pub version: u32,
    /// The session of its turns.
    pub session: Uuid,
    /// The turns that are still there.
    pub turns: Vec<EmbedTurn>,
}

/// A turn to embed.
#[derive(Debug)]
pub struct EmbedTurn {
    /// Ours.
    pub id: Uuid,
    /// The one that `text` is of.
    pub revision: i32,
    /// Never empty.
    pub text: String,
}

impl Supabase {
    /// Takes an embedding job for `lease` seconds. Nothing when it is done already.
    pub async fn begin_embed_job(
        &self,
        user: UserId,
        job: i64,
        lease: i32,
        deadline: Deadline,
    ) -> Result<Option<EmbedWork>, StoreError> {
        let rows = self
            .transact(
                "begin_embed_job",
                Actor::Worker(user),
                BEGIN_EMBED,
                &[(&job, Type::INT8), (&lease, Type::INT4)],
                deadline,
            )
            .await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let version: i32 = first.try_get(0).map_err(malformed)?;
        let turns = rows
            .iter()
            .filter_map(|row| {
                let turn = || {
                    let Some(id) = row.try_get::<_, Option<Uuid>>(2)? else {
                        return Ok(None);
                    };
                    Ok(Some(EmbedTurn {
                        id,
                        revision: row.try_get(3)?,
                        text: row.try_get(4)?,
                    }))
                };
                turn().transpose()
            })
            .collect::<Result<_, tokio_postgres::Error>>()
            .map_err(malformed)?;
        Ok(Some(EmbedWork {
            version: version.unsigned_abs(),
            session: first.try_get(1).map_err(malformed)?,
            turns,
        }))
    }

    /// Writes embeddings and removes the job, in one transaction. False when another delivery had
    /// done so.
    pub async fn finish_embed_job(
        &self,
        user: UserId,
        job: i64,
        session: Uuid,
        model: &str,
        embedded: &[(EmbedTurn, Vec<f32>)],
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        let halfvecs = self.halfvec_types(deadline).await?.many.clone();
        let turns: Vec<Uuid> = embedded.iter().map(|(turn, _)| turn.id).collect();
        let revisions: Vec<i32> = embedded.iter().map(|(turn, _)| turn.revision).collect();
        let vectors: Vec<_> = embedded.iter().map(|(_, vector)| half(vector)).collect();
        let rows = self
            .transact(
                "finish_embed_job",
                Actor::Worker(user),
                FINISH_EMBED,
                &[
                    (&job, Type::INT8),
                    (&session, Type::UUID),
                    (&model, Type::TEXT),
                    (&turns, Type::UUID_ARRAY),
                    (&revisions, Type::INT4_ARRAY),
                    (&vectors, halfvecs),
                ],
                deadline,
            )
            .await?;
        let row = rows.first().ok_or_else(|| malformed("no row"))?;
        row.try_get(0).map_err(malformed)
    }

    /// Notes, per turn, why a job did not succeed this time.
    pub async fn note_job_failure(
        &self,
        user: UserId,
        adapter: &str,
        job: i64,
        kind: ErrorKind,
        deadline: Deadline,
    ) -> Result<(), StoreError> {
        self.transact(
            "note_job_failure",
            Actor::Worker(user),
            NOTE_FAILURE,
            &[
                (&adapter, Type::TEXT),
                (&job, Type::INT8),
                (&kind.code(), Type::TEXT),
            ],
            deadline,
        )
        .await?;
        Ok(())
    }
}
