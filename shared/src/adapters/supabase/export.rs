//! All that there is of a user, line by line, in an order that does not change.

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::malformed;
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

// The sessions as they began, each followed by its turns; then what stands beside them, by time.
// `part` is 0 for a session, 1 for its turns, 2 for the rest. A step ends within 2 MB and one line
// more: neither the database nor the function holds more of the export at a time.
const STEP: &str = "
with sessions as (
    select s.*
    from memories.sessions as s
    where $4 < 2
        and s.user_id = (select memories.user_id())
        and (s.created_at, s.id) >= ($1, $2)
    order by s.created_at, s.id
    -- The one that the last step ended in has no line of its own in this one.
    limit $5 + 1
),
turns as (
    select s.created_at as at, t.*
    from sessions as s
    cross join lateral (
        select t.*
        from memories.turns as t
        where t.user_id = s.user_id
            and t.session_id = s.id
            and t.seq > case when (s.created_at, s.id) = ($1, $2) then $3 else 0 end
        order by t.seq
        limit $5
    ) as t
    order by s.created_at, s.id, t.seq
    limit $5
),
beside as (
    select b.at, b.id, b.line
    from (
        select
            n.created_at as at,
            n.id,
            json_build_object(
                'type', 'audit', 'kind', n.kind, 'details', n.details, 'createdAt', n.created_at
            ) as line
        from memories.audit as n
        where n.user_id = (select memories.user_id())
        union all
        select
            e.requested_at,
            e.id,
            json_build_object(
                'type', 'erasure', 'erasureId', e.id, 'scope', e.scope, 'rows', e.rows, 'mem0', e.mem0,
                'redis', e.redis, 'requestedAt', e.requested_at, 'confirmedAt', e.confirmed_at
            )
        from memories.erasures as e
        where e.subject = (select memories.subject())
        union all
        select
            r.created_at,
            r.user_id,
            json_build_object('type', 'retention', 'days', r.days, 'createdAt', r.created_at)
        from memories.retention as r
        where r.user_id = (select memories.user_id())
    ) as b
    where $4 < 2 or (b.at, b.id) > ($1, $2)
    order by b.at, b.id
    limit $5
),
lines as (
    select
        0 as part,
        s.created_at as at,
        s.id,
        0 as seq,
        json_build_object(
            'type', 'session',
            'sessionId', coalesce(s.external_id, s.id::text),
            'title', s.title,
            'metadata', s.metadata,
            'turnCount', s.last_seq,
            'createdAt', s.created_at,
            'updatedAt', s.updated_at,
            'lastSyncedAt', s.last_synced_at
        ) as line
    from sessions as s
    where (s.created_at, s.id) > ($1, $2)
    union all
    select
        1,
        t.at,
        t.session_id,
        t.seq,
        json_build_object(
            'type', 'turn',
            'sessionId', coalesce(s.external_id, s.id::text),
            'id', coalesce(t.external_id, t.id::text),
            'turnId', t.id,
            'seq', t.seq,
            'revision', t.revision,
            'role', t.role,
            'name', t.name,
            'content', t.content,
            'attachments', t.attachments,
            'toolCalls', t.tool_calls,
            'toolResults', t.tool_results,
            'metadata', t.metadata,
            'createdAt', t.created_at,
            'recordedAt', t.recorded_at,
            'piiScrubbed', t.pii_scrubbed,
            'embeddings', (
                select coalesce(
                    json_agg(
                        json_build_object(
                            'model', e.model, 'dimensions', e.dimensions, 'revision', e.revision,
                            'createdAt', e.created_at
                        )
                        order by e.model
                    ),
                    '[]'
                )
                from memories.turn_embeddings as e
                where e.user_id = t.user_id and e.turn_id = t.id
            ),
            'adapters', (
                select coalesce(
                    json_agg(
                        json_build_object(
                            'adapter', a.adapter, 'state', a.state, 'attempts', a.attempts,
                            'externalId', a.external_id, 'updatedAt', a.updated_at
                        )
                        order by a.adapter
                    ),
                    '[]'
                )
                from memories.adapter_syncs as a
                where a.user_id = t.user_id and a.turn_id = t.id
            )
        )
    from turns as t
    join sessions as s on s.id = t.session_id
    union all
    select 2, b.at, b.id, 0, b.line
    from beside as b
),
-- What stands beside comes when there is no session left, so the places are in one order.
ordered as (
    select l.*
    from lines as l
    order by (l.part = 2), l.at, l.id, l.seq
    limit $5
),
sized as (
    select
        o.part, o.at, o.id, o.seq, o.line::text as line,
        sum(octet_length(o.line::text)) over (
            order by (o.part = 2), o.at, o.id, o.seq
            rows between unbounded preceding and 1 preceding
        ) as before
    from ordered as o
)
select z.part, z.at, z.id, z.seq, z.line
from sized as z
where coalesce(z.before, 0) < 2000000
order by (z.part = 2), z.at, z.id, z.seq";

/// The place of a line: a later line has a later place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportCursor {
    /// 0 for a session, 1 for its turns, 2 for what stands beside them.
    pub part: i32,
    /// When the session, or the entry, was made.
    pub at: OffsetDateTime,
    /// Of the session, or the entry.
    pub id: Uuid,
    /// Of the turn.
    pub seq: i32,
}

/// One line.
#[derive(Debug)]
pub struct ExportLine {
    /// Where it stands.
    pub place: ExportCursor,
    /// JSON, without a line break.
    pub json: String,
}

impl ExportCursor {
    /// Before every line.
    pub const START: Self = Self {
        part: 0,
        at: OffsetDateTime::UNIX_EPOCH,
        id: Uuid::nil(),
        seq: 0,
    };
}

impl Supabase {
    /// The next lines after a place: `lines` at most, some 2 MB at most, and none when there are no more.
    pub async fn export(
        &self,
        user: UserId,
        after: ExportCursor,
        lines: i32,
        deadline: Deadline,
    ) -> Result<Vec<ExportLine>, StoreError> {
        let lines = i64::from(lines);
        let params: [Param<'_>; 5] = [
            (&after.at, Type::TIMESTAMPTZ),
            (&after.id, Type::UUID),
            (&after.seq, Type::INT4),
            (&after.part, Type::INT4),
            (&lines, Type::INT8),
        ];
        let rows = self
            .transact("export", Actor::User(user), STEP, &params, deadline)
            .await?;
        let read: Result<Vec<_>, tokio_postgres::Error> = rows.iter().map(line).collect();
        read.map_err(malformed)
    }
}

fn line(row: &Row) -> Result<ExportLine, tokio_postgres::Error> {
    Ok(ExportLine {
        place: ExportCursor {
            part: row.try_get(0)?,
            at: row.try_get(1)?,
            id: row.try_get(2)?,
            seq: row.try_get(3)?,
        },
        json: row.try_get(4)?,
    })
}
