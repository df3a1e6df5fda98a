//! The platform's API: v3 for adding, listing and searching, v1 and v2 for the rest. An add is
//! accepted as an event and worked at later.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::link::{Link, Sending, is_failure, malformed, segment};
use super::standing::{Kind, Mark};
use super::wire::{self, Key, Memories};
use super::{EventState, Push, not_yet};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// Memories per page, its most, and how many pages one turn can have.
const PAGE: &str = "200";
const PAGES: usize = 10;

/// Events per page, and how far back is looked.
const EVENT_PAGE: &str = "100";
const EVENT_PAGES: usize = 5;

/// Between two looks at a deletion.
pub(super) const POLL: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
struct Added {
    event_id: Option<String>,
    /// With `infer: false`, which is done at once.
    #[serde(default)]
    results: Vec<Value>,
}

pub(super) async fn add(
    link: &Link,
    user: UserId,
    turn: &Push<'_>,
    deadline: Deadline,
) -> Result<Option<String>, Error> {
    let mut body = wire::add(link, user, turn);
    body["timestamp"] = json!(turn.created_at.unix_timestamp());
    let added: Added = link
        .post("/v3/memories/add/", &[], &body, Sending::Once, deadline)
        .await?;
    let memory = added.results.first();
    let memory = memory.and_then(|memory| Some(memory.get("id")?.as_str()?.to_owned()));
    match added.event_id.or(memory) {
        Some(id) => Ok(Some(id)),
        None => Err(malformed("an add without an event")),
    }
}

/// Events before memories: an add that ends in between is then seen by one of the two.
pub(super) async fn marks(
    link: &Link,
    user: UserId,
    turn: &Push<'_>,
    deadline: Deadline,
) -> Result<Vec<Mark>, Error> {
    let events = adds(link, user, deadline).await?;
    let of_turn = events
        .iter()
        .filter(|event| event.key().turn_id == Some(turn.turn));
    let mut marks: Vec<Mark> = of_turn.filter_map(Event::mark).collect();
    let filters = json!({
        "user_id": user.0,
        "metadata": {"turnId": turn.turn},
    });
    for memory in memories(link, filters, deadline).await?.results {
        let key = memory.key();
        // Whatever the filter did, another turn's memory is none of this one's.
        if key.turn_id == Some(turn.turn) {
            marks.push(Mark {
                revision: key.revision,
                id: memory.id,
                kind: Kind::Memory,
            });
        }
    }
    Ok(marks)
}

pub(super) async fn remove(link: &Link, id: &str, deadline: Deadline) -> Result<(), Error> {
    let path = format!("/v1/memories/{}/", segment(id));
    link.delete(&path, &[], deadline).await
}

/// A deletion is accepted and done later; an add that was waiting meanwhile is done too.
pub(super) async fn delete_user(
    link: &Link,
    user: UserId,
    deadline: Deadline,
) -> Result<(), Error> {
    let id = user.0.to_string();
    link.delete("/v1/memories/", &[("user_id", &id)], deadline)
        .await?;
    // The name in its list of users.
    let entity = format!("/v2/entities/user/{id}/");
    link.delete(&entity, &[], deadline).await?;
    loop {
        let events = adds(link, user, deadline).await?;
        let left = first_memory(link, &id, deadline).await?;
        let waits = events
            .iter()
            .any(|event| event.state() == EventState::Pending);
        if !waits && left.is_none() {
            return Ok(());
        }
        if deadline.remaining() < 2 * POLL {
            return Err(not_yet("the deletion is still being worked at"));
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(super) async fn event(link: &Link, id: &str, deadline: Deadline) -> Result<EventState, Error> {
    let path = format!("/v1/event/{}/", segment(id));
    match link.get::<Event>(&path, &[], deadline).await {
        Ok(event) => Ok(event.state()),
        Err(error) if error.kind == ErrorKind::Refused => Ok(EventState::Unknown),
        Err(error) => Err(error),
    }
}

/// An operation that the platform was asked for.
#[derive(Deserialize)]
pub(super) struct Event {
    id: String,
    #[serde(default)]
    event_type: String,
    status: String,
    /// What was asked.
    #[serde(default)]
    payload: Option<Value>,
    #[serde(default)]
    metadata: Option<Value>,
    #[serde(default)]
    results: Option<Value>,
}

impl Event {
    pub(super) fn state(&self) -> EventState {
        if is_failure(&self.status) {
            EventState::Failed
        } else if ["SUCCEEDED", "SUCCESS"]
            .iter()
            .any(|done| self.status.eq_ignore_ascii_case(done))
        {
            EventState::Done
        } else {
            EventState::Pending
        }
    }

    pub(super) fn key(&self) -> Key {
        let payload = self.payload.as_ref();
        let key = Key::read(payload.and_then(|payload| payload.get("metadata")));
        match key.turn_id {
            Some(_) => key,
            None => Key::read(self.metadata.as_ref()),
        }
    }

    fn is_of(&self, user: Uuid) -> bool {
        let payload = self.payload.as_ref();
        let id = payload.and_then(|payload| payload.get("user_id")?.as_str());
        id.is_some_and(|id| Uuid::try_parse(id) == Ok(user))
    }

    /// The trace that an add left beside its memories: none when it failed, or when there must be
    /// memories to tell (if those are gone, somebody deleted them).
    fn mark(&self) -> Option<Mark> {
        let results = self.results.as_ref().and_then(Value::as_array);
        let kind = match self.state() {
            EventState::Pending => Kind::Pending,
            EventState::Done if results.is_some_and(Vec::is_empty) => Kind::Empty,
            EventState::Done | EventState::Failed | EventState::Unknown => return None,
        };
        Some(Mark {
            revision: self.key().revision,
            id: self.id.clone(),
            kind,
        })
    }
}

#[derive(Deserialize)]
struct Events {
    results: Vec<Event>,
    #[serde(default)]
    next: Option<String>,
}

/// The user's adds among the latest events of the project.
pub(super) async fn adds(
    link: &Link,
    user: UserId,
    deadline: Deadline,
) -> Result<Vec<Event>, Error> {
    let mut adds = Vec::new();
    for page in 1..=EVENT_PAGES {
        let query = [("page", &*page.to_string()), ("page_size", EVENT_PAGE)];
        let events: Events = match link.get("/v1/events/", &query, deadline).await {
            Ok(events) => events,
            // Not every key may read them; the memories themselves are still looked at. So it is
            // with a page that is no longer there.
            Err(error) if matches!(error.kind, ErrorKind::Denied | ErrorKind::Refused) => break,
            Err(error) => return Err(error),
        };
        let is_add = |event: &Event| event.event_type.eq_ignore_ascii_case("ADD");
        let of_user = |event: &Event| event.is_of(user.0);
        adds.extend(
            events
                .results
                .into_iter()
                .filter(|event| is_add(event) && of_user(event)),
        );
        if events.next.is_none() {
            break;
        }
    }
    Ok(adds)
}

/// A memory of the user, if there is one.
async fn first_memory(
    link: &Link,
    user: &str,
    deadline: Deadline,
) -> Result<Option<String>, Error> {
    let body = json!({"filters": {"user_id": user}});
    let query = [("page", "1"), ("page_size", "1")];
    let listed: Memories = link
        .post("/v3/memories/", &query, &body, Sending::Fresh, deadline)
        .await?;
    Ok(listed.results.into_iter().next().map(|memory| memory.id))
}

/// All memories that match, page by page.
async fn memories(link: &Link, filters: Value, deadline: Deadline) -> Result<Memories, Error> {
    let body = json!({"filters": filters});
    let mut all = Vec::new();
    for page in 1..=PAGES {
        let query = [("page", &*page.to_string()), ("page_size", PAGE)];
        let listed: Memories = link
            .post("/v3/memories/", &query, &body, Sending::Fresh, deadline)
            .await?;
        all.extend(listed.results);
        if listed.next.is_none() {
            return Ok(Memories {
                results: all,
                next: None,
            });
        }
    }
    Err(Error::new(
        Adapter::Mem0,
        ErrorKind::Refused,
        "more memories of one turn than there can be",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: Value) -> Event {
        let key = json!({"source": "memory-orchestrator", "turnId": Uuid::nil(), "revision": 3});
        let mut event = json!({"id": "e", "payload": {"metadata": key}});
        for (name, value) in fields.as_object().unwrap() {
            event[name] = value.clone();
        }
        serde_json::from_value(event).unwrap()
    }

    #[test]
    fn an_event_leaves_a_mark_while_it_waits_and_when_it_found_nothing() {
        for (fields, kind) in [
            (json!({"status": "PENDING"}), Some(Kind::Pending)),
            (json!({"status": "RUNNING"}), Some(Kind::Pending)),
            (
                json!({"status": "SUCCEEDED", "results": []}),
                Some(Kind::Empty),
            ),
            (
                json!({"status": "SUCCEEDED", "results": [{"id": "m"}]}),
                None,
            ),
            (json!({"status": "SUCCEEDED"}), None),
            (json!({"status": "FAILED", "error": "x"}), None),
        ] {
            let mark = event(fields.clone()).mark();
            assert_eq!(mark.as_ref().map(|mark| mark.kind), kind, "{fields}");
            assert!(mark.is_none_or(|mark| mark.revision == 3));
        }
    }
}
