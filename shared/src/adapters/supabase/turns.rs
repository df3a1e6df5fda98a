//! Writing turns.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use tokio_postgres::types::{Json, Type};

use super::error::{malformed, one};
use super::jobs::Down;
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::job::Jobs;
use crate::domain::turn::NewTurn;

const RECORD: &str = "
select memories.record_turns($1, $2, $3, $4, $5, $6)";

/// What is to be recorded.
#[derive(Debug)]
pub struct Recording<'a> {
    /// Made when it is new.
    pub session: &'a Id,
    /// Set when present.
    pub title: Option<&'a str>,
    /// No id twice.
    pub turns: &'a [NewTurn],
    /// Whether a known turn with another body becomes a new revision; else it is a conflict.
    pub replace: bool,
    /// The adapters that get a job.
    pub adapters: &'a Value,
}

/// What became of it: committed, and the jobs enqueued in the same transaction.
#[derive(Debug, serde::Deserialize)]
pub struct Recorded {
    /// In the order sent.
    pub turns: Vec<RecordedTurn>,
    /// To be published.
    pub jobs: Jobs,
    /// The adapters whose circuit is open.
    pub down: Down,
}

/// One turn.
#[derive(Debug, serde::Deserialize)]
pub struct RecordedTurn {
    /// Its place in the session, from 1.
    pub seq: u32,
    /// False when it was known.
    pub created: bool,
    /// From 1.
    pub revision: u32,
}

impl Supabase {
    /// Records turns and enqueues their jobs, in one transaction. A repeat changes nothing.
    pub async fn record_turns(
        &self,
        user: UserId,
        recording: &Recording<'_>,
        deadline: Deadline,
    ) -> Result<Recorded, StoreError> {
        let turns: Vec<Value> = recording.turns.iter().map(document).collect();
        let rows = self
            .transact(
                "record_turns",
                Actor::User(user),
                RECORD,
                &[
                    (&recording.session.uuid, Type::UUID),
                    (&recording.session.external, Type::TEXT),
                    (&recording.title, Type::TEXT),
                    (&Json(turns), Type::JSONB),
                    (&recording.replace, Type::BOOL),
                    (&Json(recording.adapters), Type::JSONB),
                ],
                deadline,
            )
            .await?;
        let row = one(&rows)?;
        let Json(recorded) = row.try_get(0).map_err(malformed)?;
        Ok(recorded)
    }
}

/// A turn as `memories.record_turns` reads it. What is absent is left out: a JSON null is a value.
fn document(turn: &NewTurn) -> Value {
    let mut document = json!({
        "id": turn.id.uuid,
        "role": turn.role.as_str(),
        "content": turn.content,
        "text": turn.text.expose(),
        "bodyHash": hex(&turn.body_hash),
    });
    let optional = [
        ("externalId", turn.id.external.clone().map(Value::String)),
        ("name", turn.name.clone().map(Value::String)),
        ("attachments", turn.attachments.clone()),
        ("toolCalls", turn.tool_calls.clone()),
        ("toolResults", turn.tool_results.clone()),
        ("metadata", turn.metadata.clone()),
        (
            "createdAt",
            turn.created_at
                .and_then(|at| at.format(&Rfc3339).ok())
                .map(Value::String),
        ),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            document[name] = value;
        }
    }
    document
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
