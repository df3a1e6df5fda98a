//! A turn on its way into the database: its text, and the hash that tells a repeat from a change.

use serde_json::Value;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

use super::ids::{Id, UserId};
use crate::contract::bodies::{Role, Turn};
use crate::redact::RawText;

/// A turn that is ready to be written.
#[derive(Debug)]
pub struct NewTurn {
    /// Ours and the client's id.
    pub id: Id,
    /// Who said it.
    pub role: Role,
    /// Their name.
    pub name: Option<String>,
    /// As it was sent: a string or message parts.
    pub content: Value,
    /// What is searched and embedded.
    pub text: RawText,
    /// As they were sent.
    pub attachments: Option<Value>,
    /// As they were sent.
    pub tool_calls: Option<Value>,
    /// As they were sent.
    pub tool_results: Option<Value>,
    /// As it was sent.
    pub metadata: Option<Value>,
    /// When it was said, if the client says.
    pub created_at: Option<OffsetDateTime>,
    /// SHA-256 over everything above but the id.
    pub body_hash: [u8; 32],
}

impl NewTurn {
    /// Works out what the database needs beside what the client sent.
    pub fn new(user: UserId, session: &Id, turn: Turn) -> Self {
        let list = |list: Option<crate::contract::scalars::List<Value, 0, 100>>| {
            list.map(|list| Value::Array(list.0))
        };
        let mut new = Self {
            id: Id::of_turn(user, session, &turn.id),
            role: turn.role,
            name: turn.name.map(|name| name.0),
            text: RawText::new(text_of(&turn.content.0)),
            content: turn.content.0,
            attachments: list(turn.attachments),
            tool_calls: list(turn.tool_calls),
            tool_results: list(turn.tool_results),
            metadata: turn.metadata.map(|object| Value::Object(object.0)),
            created_at: turn.created_at.map(|moment| moment.0),
            body_hash: [0; 32],
        };
        new.body_hash = new.hash();
        new
    }

    fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(self.role.as_str());
        for part in [
            Some(&self.content),
            self.attachments.as_ref(),
            self.tool_calls.as_ref(),
            self.tool_results.as_ref(),
            self.metadata.as_ref(),
        ] {
            hasher.update([0]);
            if let Some(value) = part {
                hash_value(value, &mut hasher);
            }
        }
        hasher.update([0]);
        if let Some(at) = self.created_at {
            hasher.update(at.unix_timestamp_nanos().to_be_bytes());
        }
        // Came later than the others: without a name the hash is what it was before there were any.
        if let Some(name) = &self.name {
            hash_text(b'N', name, &mut hasher);
        }
        hasher.finalize().into()
    }
}

/// The text of a content: the string, or its text parts, one to a line.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(parts) => parts
            .iter()
            .filter(|part| part["type"] == "text")
            .filter_map(|part| part["text"].as_str())
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => String::new(),
    }
}

/// Feeds a value in one canonical form: members sorted, every piece marked with its type, so that
/// neither the order of members nor how a JSON library keeps them can change the hash.
fn hash_value(value: &Value, hasher: &mut Sha256) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(flag) => hasher.update(if *flag { b"t" } else { b"f" }),
        Value::Number(number) => hash_text(b'd', &number.to_string(), hasher),
        Value::String(text) => hash_text(b's', text, hasher),
        Value::Array(items) => {
            hasher.update(b"[");
            items.iter().for_each(|item| hash_value(item, hasher));
            hasher.update(b"]");
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            hasher.update(b"{");
            for (name, value) in members {
                hash_text(b'k', name, hasher);
                hash_value(value, hasher);
            }
            hasher.update(b"}");
        }
    }
}

fn hash_text(mark: u8, text: &str, hasher: &mut Sha256) {
    hasher.update([mark]);
    hasher.update((text.len() as u64).to_be_bytes());
    hasher.update(text);
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::contract::shape::{Read, Reader};

    fn turn(body: Value) -> NewTurn {
        let mut reader = Reader::default();
        let turn = Turn::read(body, &mut reader);
        let session = Id {
            uuid: Uuid::nil(),
            external: None,
        };
        NewTurn::new(UserId(Uuid::nil()), &session, reader.finish(turn).unwrap())
    }

    #[test]
    fn text_is_the_string_or_the_text_parts() {
        let plain = turn(json!({"id": "1", "role": "user", "content": " hello "}));
        assert_eq!(plain.text.expose(), "hello");
        let parts = turn(json!({"id": "1", "role": "assistant", "content": [
            {"type": "step-start"},
            {"type": "text", "text": "one"},
            {"type": "reasoning", "text": "not said"},
            {"type": "text", "text": "two"},
        ]}));
        assert_eq!(parts.text.expose(), "one\ntwo");
    }

    #[test]
    fn the_hash_is_of_the_body_and_not_of_its_spelling() {
        let one =
            turn(json!({"id": "1", "role": "user", "content": "x", "metadata": {"a": 1, "b": 2}}));
        let two =
            turn(json!({"metadata": {"b": 2, "a": 1}, "content": "x", "role": "user", "id": "1"}));
        assert_eq!(one.body_hash, two.body_hash);
    }

    #[test]
    fn every_part_of_the_body_counts() {
        let base = json!({"id": "1", "role": "user", "content": "x"});
        let hash = turn(base.clone()).body_hash;
        for (name, value) in [
            ("role", json!("assistant")),
            ("name", json!("Ann")),
            ("content", json!("y")),
            ("attachments", json!([])),
            ("toolCalls", json!([])),
            ("toolResults", json!([])),
            ("metadata", json!({})),
            ("createdAt", json!("2026-01-01T00:00:00Z")),
        ] {
            let mut other = base.clone();
            other[name] = value;
            assert_ne!(turn(other).body_hash, hash, "{name}");
        }
    }
}
