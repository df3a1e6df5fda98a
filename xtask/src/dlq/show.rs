//! Everything that is known of a turn and its adapters; never its text.

use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::types::Json;
use uuid::Uuid;

use crate::Error;

/// One document per user that has a turn of this id: a client may have chosen it.
const READ: &str = "
select jsonb_build_object(
    'turn', jsonb_build_object(
        'turnId', t.id,
        'externalId', t.external_id,
        'userId', t.user_id,
        'sessionId', t.session_id,
        'seq', t.seq,
        'role', t.role,
        'revision', t.revision,
        'characters', length(t.text),
        'createdAt', t.created_at,
        'recordedAt', t.recorded_at
    ),
    'adapters', (
        select coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'adapter', a.adapter,
                    'state', a.state,
                    'reason', a.last_error_code,
                    'attempts', a.attempts,
                    'enqueuedAt', a.enqueued_at,
                    'lastAttemptAt', a.started_at,
                    'leasedUntil', a.leased_until,
                    'finishedAt', a.finished_at,
                    'externalId', a.external_id,
                    'jobId', a.job_id,
                    'sweptNotBefore', q.vt,
                    'sweeps', q.read_ct
                )
                order by a.adapter
            ),
            '[]'
        )
        from memories.adapter_syncs as a
        left join lateral (
            select e.vt, e.read_ct
            from pgmq.q_memory_embed as e
            where a.adapter = 'embed' and e.msg_id = a.job_id
            union all
            select m.vt, m.read_ct
            from pgmq.q_memory_mem0 as m
            where a.adapter = 'mem0' and m.msg_id = a.job_id
        ) as q on true
        where a.user_id = t.user_id and a.turn_id = t.id and ($2::text is null or a.adapter = $2)
    ),
    'vectors', (
        select coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'model', e.model,
                    'revision', e.revision,
                    'dimensions', e.dimensions,
                    'createdAt', e.created_at
                )
                order by e.model
            ),
            '[]'
        )
        from memories.turn_embeddings as e
        where e.user_id = t.user_id and e.turn_id = t.id
    ),
    'audit', (
        select coalesce(
            jsonb_agg(
                jsonb_build_object('kind', n.kind, 'at', n.created_at, 'details', n.details)
                order by n.created_at, n.id
            ),
            '[]'
        )
        from memories.audit as n
        where n.user_id = t.user_id
            and n.details ->> 'turnId' = t.id::text
            and ($2::text is null or n.details ->> 'adapter' = $2)
    )
)
from memories.turns as t
where t.id = $1 and ($3::uuid is null or t.user_id = $3)
order by t.user_id";

/// Reads it.
pub(super) async fn read(
    client: &Client,
    turn: Uuid,
    adapter: Option<&str>,
    user: Option<Uuid>,
) -> Result<Vec<Value>, Error> {
    let rows = client.query(READ, &[&turn, &adapter, &user]).await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<_, Json<Value>>(0)?.0))
        .collect()
}

/// For a person: a line per thing, `name value`; what is null is left out.
pub(super) fn print(document: &Value) {
    for (part, value) in document.as_object().into_iter().flatten() {
        match value {
            Value::Array(items) if items.is_empty() => println!("{part}: none"),
            Value::Array(items) => {
                for item in items {
                    println!("{part}:");
                    members(item);
                }
            }
            one => {
                println!("{part}:");
                members(one);
            }
        }
    }
}

fn members(object: &Value) {
    for (name, value) in object.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(text) => println!("  {name:<15} {text}"),
            other => println!("  {name:<15} {other}"),
        }
    }
}
