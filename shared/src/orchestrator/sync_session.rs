//! `syncSession`: what a session's adapters miss is enqueued and published.

use uuid::Uuid;

use super::publish::{overall, publish};
use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::SyncState;
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::{Pending, SyncAnswer};
use crate::contract::bodies::SyncSession;
use crate::contract::scalars::{ClientId, Moment};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::job::Jobs;
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
        .sync_session(user, session, app.job_adapters(), deadline)
        .await?;
    Ok(publish_and_answer(app, user, &body.session_id, state, Pace::Live).await)
}

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
        .map(|job| match job.adapter.as_str() {
            "mem0" => Jobs {
                mem0: Some(job.id),
                ..Jobs::default()
            },
            _ => Jobs {
                embed: Some(job.id),
                ..Jobs::default()
            },
        })
        .collect();
    let upstash = publish(app, user, &jobs, pace).await;
    SyncAnswer {
        session_id: session.to_string(),
        status: overall(&upstash),
        pending: Pending {
            embed: state.pending.embed,
            mem0: state.pending.mem0,
        },
        last_synced_at: state.last_synced_at.map(Moment),
    }
}
