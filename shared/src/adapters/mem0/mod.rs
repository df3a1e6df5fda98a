//! Mem0: keeps facts about a user that it finds in what was said. One port over its two APIs, the
//! platform's (v3, <https://docs.mem0.ai/api-reference>) and the self-hosted server's (`server/` of
//! <https://github.com/mem0ai/mem0>, versions 2.x). Our user is its `user_id`, our session its `run_id`.
//!
//! # What a push promises
//! Mem0 has no idempotency key: the same add twice is two memories. So each add carries in its
//! metadata which turn and revision it is, and a push that may be a repeat looks for that first:
//!
//! - What an earlier attempt left there is found, and nothing is added. Memories of older revisions
//!   are deleted before the new revision is added (after it would be too late: Mem0 skips a fact
//!   that it has, and then loses it with the old revision).
//! - The platform works later. An add that still waits there has no memories yet, but stands in the
//!   list of events, which is looked at too: the latest 500 events of the whole project.
//! - An add never leaves on a kept connection, and is never sent again by itself.
//!
//! What stays open, since Mem0 cannot be asked: an add that is still on its way, or that a
//! self-hosted server still works at, while a repeat looks for it. So a repeat should come later than
//! an add takes. And on the platform, an add that waits behind 500 later events. Two pushes of one
//! turn must not run at once; the lease of a job sees to that.

mod forget;
mod link;
mod platform;
mod server;
mod standing;
mod wire;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tracing::Instrument;
use uuid::Uuid;

pub use self::forget::Forget;
use self::link::Link;
use self::standing::{Next, plan};
pub use self::wire::Fact;
use super::http::Outbound;
use super::{Adapter, Error, ErrorKind};
use crate::config::{self, Mem0Api};
use crate::contract::bodies::Role;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::redact::RedactedText;
use crate::telemetry;

/// How long the platform usually needs for an add or a deletion.
const SOON: Duration = Duration::from_secs(5);

/// A client of Mem0.
#[derive(Debug)]
pub struct Mem0 {
    link: Link,
    permits: Semaphore,
}

/// One revision of one turn, on its way to Mem0.
#[derive(Debug)]
pub struct Push<'a> {
    /// Mem0's `run_id`.
    pub session: Uuid,
    /// Which turn.
    pub turn: Uuid,
    /// Which revision of it, from 1.
    pub revision: i32,
    /// Who said it. Mem0 knows users and assistants; all that is not a user's goes as an assistant's.
    pub role: Role,
    /// What was said.
    pub text: &'a RedactedText,
    /// When it was said.
    pub created_at: OffsetDateTime,
    /// Whether an earlier attempt may have arrived. A revision after the first counts as one anyway.
    pub repeat: bool,
}

/// What became of an add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventState {
    /// It waits, or is being worked at.
    Pending,
    /// It is done.
    Done,
    /// It failed for good, and nothing was kept.
    Failed,
    /// Mem0 knows no such event: the id is a memory's, or the event is long past.
    Unknown,
}

impl Mem0 {
    /// A client of the configured Mem0.
    pub fn new(config: config::Mem0, outbound: Arc<Outbound>) -> Self {
        Self {
            permits: Semaphore::new(config.concurrency),
            link: Link::new(config, outbound),
        }
    }

    /// Whose turns are pushed.
    pub fn roles(&self) -> &[Role] {
        &self.link.config().roles
    }

    /// How many calls are made at once; more of them wait their turn, under their own deadlines.
    pub fn concurrency(&self) -> usize {
        self.link.config().concurrency
    }

    /// Pushes one turn; returns what Mem0 calls it: an event of the platform, a memory of the server,
    /// nothing when it found nothing worth keeping. What a repeat does stands at the module.
    ///
    /// `Busy` with a time to wait may also mean that an older revision is still being worked at.
    pub async fn push(
        &self,
        user: UserId,
        turn: &Push<'_>,
        deadline: Deadline,
    ) -> Result<Option<String>, Error> {
        let repeat = turn.repeat || turn.revision > 1;
        if turn.text.is_blank() && !repeat {
            return Ok(None);
        }
        self.observed("push", deadline, async {
            if repeat && let Some(id) = self.settled(user, turn, deadline).await? {
                return Ok(Some(id));
            }
            // Older revisions are forgotten, and there is nothing to put in their place.
            if turn.text.is_blank() {
                return Ok(None);
            }
            match self.link.config().api {
                Mem0Api::Platform => platform::add(&self.link, user, turn, deadline).await,
                Mem0Api::Server => server::add(&self.link, user, turn, deadline).await,
            }
        })
        .await
    }

    /// What Mem0 calls this turn if it has it already; what it has of older revisions is deleted.
    async fn settled(
        &self,
        user: UserId,
        turn: &Push<'_>,
        deadline: Deadline,
    ) -> Result<Option<String>, Error> {
        let marks = match self.link.config().api {
            Mem0Api::Platform => platform::marks(&self.link, user, turn, deadline).await?,
            Mem0Api::Server => server::marks(&self.link, user, turn, deadline).await?,
        };
        let plan = plan(marks, turn.revision);
        for id in &plan.stale {
            match self.link.config().api {
                Mem0Api::Platform => platform::remove(&self.link, id, deadline).await?,
                Mem0Api::Server => server::remove(&self.link, id, deadline).await?,
            }
        }
        match plan.next {
            Next::Known(id) => Ok(Some(id)),
            Next::Add => Ok(None),
            Next::Wait => Err(not_yet("an older revision is still being worked at")),
        }
    }

    /// The user's facts that are nearest to a query, best first; at most `limit`, from 1 to 1000.
    pub async fn search(
        &self,
        user: UserId,
        query: &RedactedText,
        limit: u32,
        deadline: Deadline,
    ) -> Result<Vec<Fact>, Error> {
        if query.is_blank() {
            return Ok(Vec::new());
        }
        self.observed("search", deadline, async {
            let path = match self.link.config().api {
                Mem0Api::Platform => "/v3/memories/search/",
                Mem0Api::Server => "/search",
            };
            wire::search(&self.link, path, user, query, limit, deadline).await
        })
        .await
    }

    /// Deletes all that Mem0 has of a user. `Ok` says that nothing is left; `Busy` with a time to wait
    /// that the deletion was accepted and is not done. May be repeated freely.
    pub async fn delete_user(&self, user: UserId, deadline: Deadline) -> Result<(), Error> {
        self.observed("delete_user", deadline, async {
            match self.link.config().api {
                Mem0Api::Platform => platform::delete_user(&self.link, user, deadline).await,
                Mem0Api::Server => server::delete_user(&self.link, user, deadline).await,
            }
        })
        .await
    }

    /// Deletes what Mem0 has of a session or of some of its turns, under the same promise as
    /// [`Mem0::delete_user`].
    pub async fn forget(
        &self,
        user: UserId,
        what: &Forget<'_>,
        deadline: Deadline,
    ) -> Result<(), Error> {
        self.observed("forget", deadline, async {
            match self.link.config().api {
                Mem0Api::Platform => forget::on_platform(&self.link, user, what, deadline).await,
                Mem0Api::Server => forget::on_server(&self.link, user, what, deadline).await,
            }
        })
        .await
    }

    /// What became of an add that [`Mem0::push`] named. A self-hosted server answers an add when it
    /// is done, so there it always is.
    pub async fn event(&self, id: &str, deadline: Deadline) -> Result<EventState, Error> {
        match self.link.config().api {
            Mem0Api::Server => Ok(EventState::Done),
            Mem0Api::Platform => {
                let work = platform::event(&self.link, id, deadline);
                self.observed("event", deadline, work).await
            }
        }
    }

    /// Runs an operation in its span, once there is room for it.
    async fn observed<T>(
        &self,
        operation: &'static str,
        deadline: Deadline,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let span = telemetry::adapter_span(Adapter::Mem0, operation);
        let admitted = async {
            let waiting = tokio::time::timeout_at(deadline.instant(), self.permits.acquire());
            match waiting.await {
                Ok(Ok(_permit)) => work.await,
                // The semaphore is never closed, so this is the deadline.
                Ok(Err(_)) | Err(_) => Err(Error::new(
                    Adapter::Mem0,
                    ErrorKind::Timeout,
                    "no turn before the deadline",
                )),
            }
        };
        telemetry::observed(span.clone(), admitted.instrument(span)).await
    }
}

/// Mem0 took it, and is not done.
fn not_yet(detail: &'static str) -> Error {
    Error {
        retry_after: Some(SOON),
        ..Error::new(Adapter::Mem0, ErrorKind::Busy, detail)
    }
}
