//! Reading sessions, and bringing their adapters up to date.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::error::{malformed, one};
use super::jobs::{Down, QueuedJob};
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

const SYNC: &str = "
select memories.sync_session($1, $2)";

const BACKFILL: &str = "
select memories.backfill_session($1, $2)";

const LIST: &str = "
select s.id, s.external_id, s.title, s.metadata, s.last_seq, s.last_synced_at, s.created_at, s.updated_at
from memories.sessions as s
where s.user_id = (select memories.user_id())
    and ($1::timestamptz is null or (s.updated_at, s.id) < ($1, $2))
order by s.updated_at desc, s.id desc
limit $3";

// The session stands on each row; its turns may be none. A page ends within 3 MB too: a host
// lets no answer past 4.5 MB (Vercel) or 6 MB (Lambda).
const READ: &str = "
select
    s.id, s.external_id, s.title, s.metadata, s.last_seq, s.last_synced_at, s.created_at, s.updated_at,
    t.id, t.external_id, t.seq, t.revision, t.role, t.content, t.attachments, t.tool_calls,
    t.tool_results, t.metadata, t.created_at, t.name
from memories.sessions as s
left join lateral (
    select *, sum(pg_column_size(to_jsonb(page))) over (
        order by page.seq rows between unbounded preceding and 1 preceding
    ) as bytes_before
    from (
        select
            t.id, t.external_id, t.seq, t.revision, t.role, t.content, t.attachments, t.tool_calls,
            t.tool_results, t.metadata, t.created_at, t.name
        from memories.turns as t
        where t.user_id = s.user_id and t.session_id = s.id and t.seq > $2
        order by t.seq
        limit $3
    ) as page
) as t on coalesce(t.bytes_before, 0) < 2000000
where s.user_id = (select memories.user_id()) and s.id = $1
order by t.seq";

/// How far a session's adapters are, and the jobs that are queued for the rest.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SyncState {
    /// Turns that wait, per adapter.
    pub pending: Turns,
    /// Turns that were given up, per adapter.
    pub dead: Turns,
    /// The adapters whose circuit is open.
    pub down: Down,
    /// When nothing waited for the last time.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_synced_at: Option<OffsetDateTime>,
    /// To be published (again).
    pub jobs: Vec<QueuedJob>,
}

/// How many turns, per adapter.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub struct Turns {
    /// Of the embeddings.
    pub embed: u32,
    /// Of Mem0.
    pub mem0: u32,
}

/// A session.
#[derive(Debug)]
pub struct SessionRow {
    /// Ours.
    pub id: Uuid,
    /// The client's, when it is not ours.
    pub external_id: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Anything else.
    pub metadata: Value,
    /// The number of turns.
    pub last_seq: u32,
    /// When nothing waited for the last time.
    pub last_synced_at: Option<OffsetDateTime>,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When its last turn was recorded.
    pub updated_at: OffsetDateTime,
}

/// A turn as it was recorded.
#[derive(Debug)]
pub struct TurnRow {
    /// Ours.
    pub id: Uuid,
    /// The client's, when it is not ours.
    pub external_id: Option<String>,
    /// From 1.
    pub seq: u32,
    /// From 1.
    pub revision: u32,
    /// Who said it.
    pub role: String,
    /// Their name.
    pub name: Option<String>,
    /// As it was sent.
    pub content: Value,
    /// As they were sent.
    pub attachments: Option<Value>,
    /// As they were sent.
    pub tool_calls: Option<Value>,
    /// As they were sent.
    pub tool_results: Option<Value>,
    /// As it was sent.
    pub metadata: Option<Value>,
    /// When it was said.
    pub created_at: OffsetDateTime,
}

/// Where a page of sessions ended.
#[derive(Debug, Clone, Copy)]
pub struct SessionCursor {
    /// Of the last session.
    pub updated_at: OffsetDateTime,
    /// Of the last session.
    pub id: Uuid,
}

impl Supabase {
    /// Enqueues what a session misses. [`StoreError::NotFound`] when the user has no such session.
    pub async fn sync_session(
        &self,
        user: UserId,
        session: Uuid,
        adapters: &Value,
        deadline: Deadline,
    ) -> Result<SyncState, StoreError> {
        self.bring_up_to_date("sync_session", SYNC, user, session, adapters, deadline)
            .await
    }

    /// Enqueues every turn of a session again.
    pub async fn backfill_session(
        &self,
        user: UserId,
        session: Uuid,
        adapters: &Value,
        deadline: Deadline,
    ) -> Result<SyncState, StoreError> {
        self.bring_up_to_date(
            "backfill_session",
            BACKFILL,
            user,
            session,
            adapters,
            deadline,
        )
        .await
    }

    async fn bring_up_to_date(
        &self,
        name: &'static str,
        statement: &str,
        user: UserId,
        session: Uuid,
        adapters: &Value,
        deadline: Deadline,
    ) -> Result<SyncState, StoreError> {
        let params: [Param<'_>; 2] = [(&session, Type::UUID), (&Json(adapters), Type::JSONB)];
        let rows = self
            .transact(name, Actor::User(user), statement, &params, deadline)
            .await?;
        let row = one(&rows)?;
        let Json(state) = row.try_get(0).map_err(malformed)?;
        Ok(state)
    }

    /// A page of the user's sessions, the latest first.
    pub async fn list_sessions(
        &self,
        user: UserId,
        after: Option<SessionCursor>,
        limit: u32,
        deadline: Deadline,
    ) -> Result<Vec<SessionRow>, StoreError> {
        let rows = self
            .transact(
                "list_sessions",
                Actor::User(user),
                LIST,
                &[
                    (&after.map(|cursor| cursor.updated_at), Type::TIMESTAMPTZ),
                    (&after.map(|cursor| cursor.id), Type::UUID),
                    (&i64::from(limit), Type::INT8),
                ],
                deadline,
            )
            .await?;
        rows.iter().map(session_row).collect()
    }

    /// A session and the turns after `after_seq`. [`StoreError::NotFound`] when the user has none
    /// such.
    pub async fn read_session(
        &self,
        user: UserId,
        session: Uuid,
        after_seq: u32,
        limit: u32,
        deadline: Deadline,
    ) -> Result<(SessionRow, Vec<TurnRow>), StoreError> {
        let after = i32::try_from(after_seq).unwrap_or(i32::MAX);
        let rows = self
            .transact(
                "read_session",
                Actor::User(user),
                READ,
                &[
                    (&session, Type::UUID),
                    (&after, Type::INT4),
                    (&i64::from(limit), Type::INT8),
                ],
                deadline,
            )
            .await?;
        let first = rows.first().ok_or(StoreError::NotFound)?;
        let turns: Result<Vec<Option<TurnRow>>, _> = rows.iter().map(turn_row).collect();
        Ok((session_row(first)?, turns?.into_iter().flatten().collect()))
    }
}

fn session_row(row: &Row) -> Result<SessionRow, StoreError> {
    let read = || {
        Ok::<_, tokio_postgres::Error>(SessionRow {
            id: row.try_get(0)?,
            external_id: row.try_get(1)?,
            title: row.try_get(2)?,
            metadata: row.try_get(3)?,
            last_seq: row.try_get::<_, i32>(4)?.unsigned_abs(),
            last_synced_at: row.try_get(5)?,
            created_at: row.try_get(6)?,
            updated_at: row.try_get(7)?,
        })
    };
    read().map_err(malformed)
}

/// Nothing when the row holds the session alone.
fn turn_row(row: &Row) -> Result<Option<TurnRow>, StoreError> {
    let read = || {
        let Some(id) = row.try_get::<_, Option<Uuid>>(8)? else {
            return Ok(None);
        };
        Ok::<_, tokio_postgres::Error>(Some(TurnRow {
            id,
            external_id: row.try_get(9)?,
            seq: row.try_get::<_, i32>(10)?.unsigned_abs(),
            revision: row.try_get::<_, i32>(11)?.unsigned_abs(),
            role: row.try_get(12)?,
            content: row.try_get(13)?,
            attachments: row.try_get(14)?,
            tool_calls: row.try_get(15)?,
            tool_results: row.try_get(16)?,
            metadata: row.try_get(17)?,
            created_at: row.try_get(18)?,
            name: row.try_get(19)?,
        }))
    };
    read().map_err(malformed)
}
