//! The self-hosted server's API. An add is answered when it is done.

use serde::Deserialize;
use serde_json::json;

use super::link::{Link, Sending, malformed, segment};
use super::standing::{Kind, Mark};
use super::wire::{self, Memories};
use super::{Push, not_yet};
use crate::adapters::Error;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// The most that a list gives; it has no pages.
pub(super) const MOST: usize = 1000;

/// A deletion takes 100 memories or more at once, depending on the vector store.
pub(super) const DELETIONS: usize = 50;

#[derive(Deserialize)]
struct Added {
    results: Vec<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    id: String,
}

pub(super) async fn add(
    link: &Link,
    user: UserId,
    turn: &Push<'_>,
    deadline: Deadline,
) -> Result<Option<String>, Error> {
    let body = wire::add(link, user, turn);
    let added: Added = link
        .post("/memories", &[], &body, Sending::Once, deadline)
        .await?;
    match added.results.into_iter().next() {
        Some(stored) => Ok(Some(stored.id)),
        // There was no fact in it.
        None if link.config().infer => Ok(None),
        None => Err(malformed("nothing was kept")),
    }
}

/// The memories of the session are listed; past the most that a list gives, they are searched with a
/// filter for the turn. (Not every vector store has filters, so the list comes first.)
pub(super) async fn marks(
    link: &Link,
    user: UserId,
    turn: &Push<'_>,
    deadline: Deadline,
) -> Result<Vec<Mark>, Error> {
    let (user, session) = (user.0.to_string(), turn.session.to_string());
    let most = MOST.to_string();
    let query = [("user_id", &*user), ("run_id", &session), ("top_k", &most)];
    let listed: Memories = link.get("/memories", &query, deadline).await?;
    let is_all = listed.results.len() < MOST;
    let mut marks = of_turn(listed, turn);
    if marks.is_empty() && !is_all {
        let body = json!({
            "query": turn.text.as_str(),
            "filters": {"user_id": user, "run_id": session, "turnId": turn.turn},
            "top_k": 100,
            "threshold": 0.0,
        });
        let found: Memories = link
            .post("/search", &[], &body, Sending::Fresh, deadline)
            .await?;
        marks = of_turn(found, turn);
    }
    Ok(marks)
}

fn of_turn(memories: Memories, turn: &Push<'_>) -> Vec<Mark> {
    memories
        .results
        .into_iter()
        .map(|memory| (memory.key(), memory.id))
        .filter(|(key, _)| key.turn_id == Some(turn.turn))
        .map(|(key, id)| Mark {
            revision: key.revision,
            id,
            kind: Kind::Memory,
        })
        .collect()
}

pub(super) async fn remove(link: &Link, id: &str, deadline: Deadline) -> Result<(), Error> {
    let path = format!("/memories/{}", segment(id));
    link.delete(&path, &[], deadline).await
}

/// Needs a key with the role of an administrator.
pub(super) async fn delete_user(
    link: &Link,
    user: UserId,
    deadline: Deadline,
) -> Result<(), Error> {
    let user = user.0.to_string();
    let of_user = [("user_id", &*user)];
    for _ in 0..DELETIONS {
        link.delete("/memories", &of_user, deadline).await?;
        let query = [of_user[0], ("top_k", "1")];
        let left: Memories = link.get("/memories", &query, deadline).await?;
        if left.results.is_empty() {
            return Ok(());
        }
    }
    Err(not_yet("there were more memories than one call deletes"))
}
