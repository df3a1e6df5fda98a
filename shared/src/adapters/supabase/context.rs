//! Finding context.

use time::{Date, OffsetDateTime};
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::error::malformed;
use super::halfvec::half;
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::contract::answers::ScoreParts;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::when::Asked;
use crate::redact::RawText;

const FETCH: &str = "
select
    source, turn_id, external_id, session_id, session_external_id, role, name, text, seq, created_at, day, score,
    parts
from memories.fetch_context($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

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
    /// The most turns.
    pub limit: u32,
    /// What the words say of time.
    pub asked: Option<&'a Asked>,
    /// Where the user's days begin: a name of the time zone database.
    pub time_zone: &'a str,
    /// Whether the parts of each score are told.
    pub explain: bool,
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
    /// Their name.
    pub name: Option<String>,
    /// What was said.
    pub text: String,
    /// Its place in the session.
    pub seq: u32,
    /// When it was said.
    pub created_at: OffsetDateTime,
    /// The same as a date in the time zone that was asked for.
    pub day: Date,
    /// From 0 to 1, falling.
    pub score: f64,
    /// What it is made of.
    pub parts: Option<ScoreParts>,
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
        let for_a_time = query.asked.is_some_and(|asked| asked.for_a_time);
        let spans = query.asked.map_or(&[][..], |asked| &asked.spans);
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
                    (&for_a_time, Type::BOOL),
                    (&Json(spans), Type::JSONB),
                    (&query.time_zone, Type::TEXT),
                    (&query.explain, Type::BOOL),
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
            name: row.try_get(6)?,
            text: row.try_get(7)?,
            seq: row.try_get::<_, i32>(8)?.unsigned_abs(),
            created_at: row.try_get(9)?,
            day: row.try_get(10)?,
            score: row.try_get(11)?,
            parts: row.try_get::<_, Option<Json<_>>>(12)?.map(|parts| parts.0),
        })
    };
    read().map_err(malformed)
}
