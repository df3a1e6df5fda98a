//! The shapes that both of Mem0's APIs share.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::Push;
use super::link::{Link, Sending};
use crate::adapters::Error;
use crate::contract::bodies::Role;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::redact::RedactedText;

/// `source` in the metadata of all that is ours.
const SOURCE: &str = "memory-orchestrator";

/// A fact that Mem0 found, in its words.
#[derive(Clone, PartialEq)]
pub struct Fact {
    /// Mem0's id of it.
    pub id: String,
    /// What it says. Mem0 knows redacted text only, so this is as safe as that was.
    pub text: String,
    /// How well it answers the query, 0 to 1; means nothing across queries.
    pub score: f64,
    /// The turn it was found in, when it came by us.
    pub turn: Option<Uuid>,
    /// The session of that turn.
    pub session: Option<Uuid>,
    /// When that turn was said; of others, when Mem0 found it.
    pub created_at: Option<OffsetDateTime>,
}

/// Without the text, which is a user's.
impl fmt::Debug for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fact")
            .field("id", &self.id)
            .field("score", &self.score)
            .finish_non_exhaustive()
    }
}

/// What tells our memories, and the turns they are of, apart; in the metadata of each.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Key {
    source: String,
    pub(super) turn_id: Option<Uuid>,
    /// Some vector stores give numbers back as text.
    #[serde(deserialize_with = "number")]
    pub(super) revision: i64,
    pub(super) session_id: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339::option")]
    created_at: Option<OffsetDateTime>,
}

impl Key {
    fn of(turn: &Push<'_>) -> Self {
        Self {
            source: SOURCE.to_owned(),
            turn_id: Some(turn.turn),
            revision: i64::from(turn.revision),
            session_id: Some(turn.session),
            created_at: Some(turn.created_at),
        }
    }

    /// What is in somebody's metadata; nothing of it unless it is ours.
    pub(super) fn read(metadata: Option<&Value>) -> Self {
        metadata
            .and_then(|metadata| Self::deserialize(metadata).ok())
            .filter(|key| key.source == SOURCE)
            .unwrap_or_default()
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let text = value.as_str().and_then(|text| text.parse().ok());
    value
        .as_i64()
        .or(text)
        .ok_or_else(|| serde::de::Error::custom("not a whole number"))
}

/// The body of an add, as both APIs take it.
pub(super) fn add(link: &Link, user: UserId, turn: &Push<'_>) -> Value {
    let role = match turn.role {
        Role::User => "user",
        // The rest is what the app said and did. (The server drops what is `system` or `tool`.)
        Role::Assistant | Role::System | Role::Tool => "assistant",
    };
    json!({
        "messages": [{"role": role, "content": turn.text.as_str()}],
        "user_id": user.0,
        "run_id": turn.session,
        "metadata": Key::of(turn),
        "infer": link.config().infer,
    })
}

/// A list of memories.
#[derive(Deserialize)]
pub(super) struct Memories {
    pub(super) results: Vec<Memory>,
    /// The platform's next page.
    #[serde(default)]
    pub(super) next: Option<String>,
}

/// A memory in such a list.
#[derive(Deserialize)]
pub(super) struct Memory {
    pub(super) id: String,
    #[serde(default)]
    memory: String,
    #[serde(default)]
    user_id: Option<String>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    created_at: Option<String>,
}

impl Memory {
    pub(super) fn key(&self) -> Key {
        Key::read(self.metadata.as_ref())
    }

    fn into_fact(self) -> Fact {
        let key = self.key();
        let found_at = self.created_at.as_deref();
        let found_at = found_at.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
        Fact {
            id: self.id,
            text: self.memory,
            score: self.score.unwrap_or_default(),
            turn: key.turn_id,
            session: key.session_id,
            created_at: key.created_at.or(found_at),
        }
    }
}

/// Searches; the two APIs differ in the path only.
pub(super) async fn search(
    link: &Link,
    path: &str,
    user: UserId,
    query: &RedactedText,
    limit: u32,
    deadline: Deadline,
) -> Result<Vec<Fact>, Error> {
    let user = user.0.to_string();
    let body = json!({
        "query": query.as_str(),
        "filters": {"user_id": user},
        "top_k": limit.clamp(1, 1000),
    });
    let found: Memories = link.post(path, &[], &body, Sending::Kept, deadline).await?;
    let of_user = |memory: &Memory| memory.user_id.as_ref().is_none_or(|id| *id == user);
    // Whatever the other side does with the filter, nobody reads what is another's.
    let facts = found.results.into_iter().filter(of_user);
    Ok(facts.map(Memory::into_fact).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_key_is_read_however_the_store_keeps_numbers() {
        let turn = Uuid::from_u128(7);
        for revision in [json!(2), json!("2")] {
            let metadata = json!({"source": SOURCE, "turnId": turn, "revision": revision, "x": 1});
            let key = Key::read(Some(&metadata));
            assert_eq!((key.turn_id, key.revision), (Some(turn), 2));
        }
        for metadata in [
            json!({"source": "other", "turnId": turn, "revision": 2}),
            json!({"source": SOURCE, "turnId": "no uuid", "revision": 2}),
            json!({"turnId": turn, "revision": 2}),
            json!("text"),
        ] {
            assert_eq!(Key::read(Some(&metadata)).turn_id, None, "{metadata}");
        }
    }

    #[test]
    fn a_fact_does_not_print_its_text() {
        let memory =
            json!({"id": "m", "memory": "secret", "created_at": "2026-01-02T03:04:05+00:00"});
        let memory: Memory = serde_json::from_value(memory).unwrap();
        let fact = memory.into_fact();
        assert_eq!(fact.text, "secret");
        assert_eq!(fact.created_at.unwrap().year(), 2026);
        assert!(!format!("{fact:?}").contains("secret"));
    }
}
