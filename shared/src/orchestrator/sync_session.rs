//! `syncSession`: what a session's adapters miss is enqueued and published.

use uuid::Uuid;

use super::publish::{overall, publish};
use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::{SyncState, Turns};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{Pending, Status, SyncAnswer};
use crate::contract::bodies::SyncSession;
use crate::contract::scalars::{ClientId, Moment};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::job::{JobAdapter, Jobs};
use crate::problem::Problem;

/// Brings a session up to date, and says how far it is.
pub async fn sync_session(
    app: &App,
    user: UserId,
    body: SyncSession,
) -> Result<SyncAnswer, Problem> {
    let session: Uuid = Id::of_session(user, &body.session_id).uuid;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let state = app
        .supabase
        .sync_session(user, session, &app.job_adapters, deadline)
        .await?;
    Ok(publish_and_answer(app, user, &body.session_id, state, Pace::Live).await)
}

/// Jobs that one request hands to QStash: what is more, of a very long session, the sweeper sends.
const AT_MOST: usize = 100;

/// The second half, which `backfillSession` shares.
pub(super) async fn publish_and_answer(
    app: &App,
    user: UserId,
    session: &ClientId,
    state: SyncState,
    pace: Pace,
) -> SyncAnswer {
    let jobs: Vec<Jobs> = state
        .jobs
        .iter()
        .take(AT_MOST)
        .map(|job| Jobs::one(job.adapter, job.id))
        .collect();
    let upstash = publish(app, user, &jobs, pace).await;
    let is_down = |adapter, down: &Option<String>| down.is_some() && app.does(adapter);
    let waits = is_down(JobAdapter::Embed, &state.down.embed)
        || is_down(JobAdapter::Mem0, &state.down.mem0);
    SyncAnswer {
        session_id: session.to_string(),
        status: if waits {
            Status::Partial
        } else {
            overall(&[&upstash])
        },
        pending: turns(state.pending),
        dead: turns(state.dead),
        last_synced_at: state.last_synced_at.map(Moment),
    }
}

fn turns(turns: Turns) -> Pending {
    Pending {
        embed: turns.embed,
        mem0: turns.mem0,
    }
}
