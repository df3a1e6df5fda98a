//! The requests' bodies.

use serde_json::{Value, json};

use super::scalars::{ClientId, Label, List, Moment, Object, Text, Whole};
use super::shape::{Read, Reader, Schemas, Shape, object, words};

words! {
    /// Who said a turn.
    Role {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// The application's instructions.
        System = "system",
        /// A tool's answer.
        Tool = "tool",
    }
}

words! {
    /// What a known turn with another body means.
    OnConflict {
        /// 409, and nothing of the request is written.
        Reject = "reject",
        /// A new revision: text, search and embedding follow.
        Replace = "replace",
    }
}

words! {
    /// Where relevance is looked for.
    Scope {
        /// All sessions of the user.
        User = "user",
        /// The named session.
        Session = "session",
    }
}

words! {
    /// A kind of context.
    Include {
        /// The latest turns of the session.
        Recent = "recent",
        /// Turns that fit the query.
        Relevant = "relevant",
        /// What Mem0 has extracted.
        Facts = "facts",
    }
}

/// What was said: a string, or the AI SDK's message parts (objects with a `type`; the `text` of
/// those of type `text` is what is searched and embedded).
#[derive(Debug)]
pub struct Content(pub Value);

impl Shape for Content {
    fn schema(schemas: &mut Schemas) -> Value {
        schemas.named("Content", |_| {
            json!({ "oneOf": [
                { "type": "string" },
                { "type": "array", "items": {
                    "type": "object",
                    "properties": { "type": { "type": "string" }, "text": { "type": "string" } },
                    "required": ["type"],
                } },
            ] })
        })
    }
}

impl Read for Content {
    fn read(value: Value, reader: &mut Reader) -> Option<Self> {
        match &value {
            Value::String(_) => Some(Self(value)),
            Value::Array(parts) => {
                let sound = parts
                    .iter()
                    .enumerate()
                    .map(|(place, part)| {
                        reader.within(&place.to_string(), |reader| check_part(part, reader))
                    })
                    .fold(true, |sound, part| sound & part.is_some());
                sound.then_some(Self(value))
            }
            _ => reader.fault("must be a string or an array of message parts"),
        }
    }
}

fn check_part(part: &Value, reader: &mut Reader) -> Option<()> {
    let Value::Object(part) = part else {
        return reader.fault("must be an object");
    };
    match (part.get("type").map(Value::as_str), part.get("text")) {
        (None, _) => reader.within("type", |reader| reader.fault("is required")),
        (Some(None), _) => reader.within("type", |reader| reader.fault("must be a string")),
        (Some(Some("text")), text) if !text.is_some_and(Value::is_string) => {
            reader.within("text", |reader| reader.fault("must be a string"))
        }
        (_, Some(text)) if !text.is_string() => {
            reader.within("text", |reader| reader.fault("must be a string"))
        }
        _ => Some(()),
    }
}

object! { request
    /// One turn of a conversation, as the client has it.
    Turn {
        /// The client's own id of the turn, and its idempotency key. A UUID is used as it is, so it
        /// names one turn of the user; any other text names one within the session.
        id: ClientId,
        /// Who said it.
        role: Role,
        /// Their name, where several people or assistants talk. A query that names them finds what they said.
        name: Option<Label<64>>,
        /// What was said.
        content: Content,
        /// Files that came with it, kept as they are.
        attachments: Option<List<Value, 0, 100>>,
        /// Tools that were called, kept as they are.
        tool_calls: Option<List<Value, 0, 100>>,
        /// What the tools answered, kept as it is.
        tool_results: Option<List<Value, 0, 100>>,
        /// Anything else, kept as it is.
        metadata: Option<Object>,
        /// When it was said; the time of recording when absent.
        created_at: Option<Moment>,
    }
}

object! { request
    /// `POST /api/turns`
    RecordTurns {
        /// The session that the turns belong to; made when it is new.
        session_id: ClientId,
        /// The turns, in their order.
        turns: List<Turn, 1, 100>,
        /// The session's title; an absent one leaves the present one.
        title: Option<Text<500>>,
        /// `reject` when absent.
        on_conflict: Option<OnConflict>,
    }
}

object! { request
    /// `POST /api/sessions/sync`
    SyncSession {
        /// The session.
        session_id: ClientId,
    }
}

object! { request
    /// `POST /api/sessions/backfill`
    BackfillSession {
        /// The session.
        session_id: ClientId,
        /// Why, for the log of the team; at most 200 characters.
        reason: Option<Text<200>>,
    }
}

object! { request
    /// `POST /api/context`
    FetchContext {
        /// The session that is about to go on. One that is not known yet has no recent turns.
        session_id: Option<ClientId>,
        /// What to look for: usually the user's last message. Of a long one the first 10,000 characters
        /// count, and `notices` tells it.
        query: Option<Text<100_000>>,
        /// The most items, neighbours not counted; 20 when absent.
        limit: Option<Whole<1, 100>>,
        /// The most tokens of `prompt`; 1500 when absent.
        max_tokens: Option<Whole<1, 100000>>,
        /// `user` when absent.
        scope: Option<Scope>,
        /// Everything when absent.
        include: Option<List<Include, 1, 3>>,
        /// When the answer is wanted, in milliseconds; 250 when absent.
        deadline_ms: Option<Whole<10, 10000>>,
        /// Where the user's days begin, for queries such as "what did I do yesterday": a name of the time zone
        /// database (`Europe/Lisbon`); UTC when absent.
        time_zone: Option<Label<64>>,
        /// Whether each item tells the parts of its score.
        explain: Option<bool>,
    }
}
