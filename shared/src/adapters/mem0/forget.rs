//! Deleting what Mem0 has of a session, or of some of its turns.

use serde_json::json;
use uuid::Uuid;

use super::link::{Link, Sending};
use super::platform::{self, POLL};
use super::server::{self, DELETIONS, MOST};
use super::wire::{Key, Memories};
use super::{EventState, not_yet};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// Memories per page of the platform, and the most that one session can have.
const PAGE: &str = "200";
const PAGES: usize = 100;

/// What is to be forgotten of a user.
#[derive(Debug, Clone, Copy)]
pub enum Forget<'a> {
    /// A session.
    Session(Uuid),
    /// These turns of a session.
    Turns(Uuid, &'a [Uuid]),
}

impl Forget<'_> {
    fn session(&self) -> Uuid {
        match *self {
            Self::Session(session) | Self::Turns(session, _) => session,
        }
    }

    fn means(&self, key: &Key) -> bool {
        match self {
            Self::Session(session) => key.session_id == Some(*session),
            Self::Turns(_, turns) => key.turn_id.is_some_and(|turn| turns.contains(&turn)),
        }
    }
}

/// The platform deletes at once what is named by its id; an add that waits is waited for.
pub(super) async fn on_platform(
    link: &Link,
    user: UserId,
    what: &Forget<'_>,
    deadline: Deadline,
) -> Result<(), Error> {
    loop {
        // Events before memories: an add that ends in between is then seen by one of the two.
        let events = platform::adds(link, user, deadline).await?;
        let waits = events
            .iter()
            .any(|event| event.state() == EventState::Pending && what.means(&event.key()));
        let ids = listed(link, user, what, deadline).await?;
        for id in &ids {
            platform::remove(link, id, deadline).await?;
        }
        if !waits && ids.is_empty() {
            return Ok(());
        }
        if deadline.remaining() < 2 * POLL {
            return Err(not_yet("the deletion is still being worked at"));
        }
        if waits {
            tokio::time::sleep(POLL).await;
        }
    }
}

async fn listed(
    link: &Link,
    user: UserId,
    what: &Forget<'_>,
    deadline: Deadline,
) -> Result<Vec<String>, Error> {
    let filters = json!({ "user_id": user.0, "metadata": { "sessionId": what.session() } });
    let body = json!({ "filters": filters });
    let mut ids = Vec::new();
    for page in 1..=PAGES {
        let query = [("page", &*page.to_string()), ("page_size", PAGE)];
        let listed: Memories = link
            .post("/v3/memories/", &query, &body, Sending::Fresh, deadline)
            .await?;
        // Whatever the filter did, another session's memory stays.
        let meant = listed.results.into_iter().filter(|m| what.means(&m.key()));
        ids.extend(meant.map(|memory| memory.id));
        if listed.next.is_none() {
            return Ok(ids);
        }
    }
    Err(too_many())
}

/// The server's session is its run, which is deleted whole. Whole needs a key with the role of an administrator.
pub(super) async fn on_server(
    link: &Link,
    user: UserId,
    what: &Forget<'_>,
    deadline: Deadline,
) -> Result<(), Error> {
    let (user, session) = (user.0.to_string(), what.session().to_string());
    let most = MOST.to_string();
    let of_session = [("user_id", &*user), ("run_id", &session)];
    let query = [of_session[0], of_session[1], ("top_k", &most)];
    for _ in 0..DELETIONS {
        let listed: Memories = link.get("/memories", &query, deadline).await?;
        match what {
            Forget::Session(_) if listed.results.is_empty() => return Ok(()),
            Forget::Session(_) => link.delete("/memories", &of_session, deadline).await?,
            Forget::Turns(..) => {
                let is_all = listed.results.len() < MOST;
                let meant = listed.results.iter().filter(|m| what.means(&m.key()));
                let ids: Vec<_> = meant.map(|memory| memory.id.clone()).collect();
                match (ids.is_empty(), is_all) {
                    (true, true) => return Ok(()),
                    (true, false) => return Err(too_many()),
                    (false, _) => {
                        for id in &ids {
                            server::remove(link, id, deadline).await?;
                        }
                    }
                }
            }
        }
    }
    Err(not_yet("there were more memories than one call deletes"))
}

fn too_many() -> Error {
    Error::new(
        Adapter::Mem0,
        ErrorKind::Refused,
        "more memories of one session than Mem0 lists",
    )
}
