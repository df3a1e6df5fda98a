//! Finding context.

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::malformed;
use super::halfvec::half;
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::redact::RawText;

const FETCH: &str = "
select source, turn_id, external_id, session_id, session_external_id, role, text, seq, created_at, score
from memories.fetch_context($1, $2, $3, $4, $5, $6, $7, $8)";

/// What is asked for.
#[derive(Debug)]
pub struct ContextQuery<'a> {
    /// The session that goes on.
    pub session: Option<Uuid>,
    /// Whether relevance is looked for in that session alone.
    pub session_only: bool,
    /// How many of the latest turns count by themselves.
    pub recent: u32,
    /// Words to look for.
    pub text: Option<&'a RawText>,
    /// The model's name and the query's embedding, of length 1.
    pub embedding: Option<(&'a str, &'a [f32])>,
    /// The most hits.
    pub limit: u32,
    /// How many of the best hits bring their neighbours.
    pub neighbors: u32,
}

/// One turn that was found.
#[derive(Debug)]
pub struct Found {
    /// `recent`, `relevant` or `neighbor`.
    pub source: String,
    /// Our id of the turn.
    pub turn_id: Uuid,
    /// The client's, when it is not ours.
    pub external_id: Option<String>,
    /// Our id of the session.
    pub session_id: Uuid,
    /// The client's, when it is not ours.
    pub session_external_id: Option<String>,
    /// Who said it.
    pub role: String,
    /// What was said.
    pub text: String,
    /// Its place in the session.
    pub seq: u32,
    /// When it was said.
    pub created_at: OffsetDateTime,
    /// From 0 to 1, falling.
    pub score: f64,
}

impl Supabase {
    /// Recent and relevant turns in rank order, in one round trip.
    pub async fn fetch_context(
        &self,
        user: UserId,
        query: &ContextQuery<'_>,
        deadline: Deadline,
    ) -> Result<Vec<Found>, StoreError> {
        let halfvec = self.halfvec_types(deadline).await?.one.clone();
        let embedding = query.embedding.map(|(_, vector)| half(vector));
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let rows = self
            .transact(
                "fetch_context",
                Actor::User(user),
                FETCH,
                &[
                    (&query.session, Type::UUID),
                    (&query.session_only, Type::BOOL),
                    (&number(query.recent), Type::INT4),
                    (&query.text.map(RawText::expose), Type::TEXT),
                    (&query.embedding.map(|(model, _)| model), Type::TEXT),
                    (&embedding, halfvec),
                    (&number(query.limit), Type::INT4),
                    (&number(query.neighbors), Type::INT4),
                ],
                deadline,
            )
            .await?;
        rows.iter().map(found).collect()
    }
}

fn found(row: &Row) -> Result<Found, StoreError> {
    let read = || {
        Ok::<_, tokio_postgres::Error>(Found {
            source: row.try_get(0)?,
            turn_id: row.try_get(1)?,
            external_id: row.try_get(2)?,
            session_id: row.try_get(3)?,
            session_external_id: row.try_get(4)?,
            role: row.try_get(5)?,
            text: row.try_get(6)?,
            seq: row.try_get::<_, i32>(7)?.unsigned_abs(),
            created_at: row.try_get(8)?,
            score: row.try_get(9)?,
        })
    };
    read().map_err(malformed)
}
