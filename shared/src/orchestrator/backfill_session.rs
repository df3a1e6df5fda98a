//! `backfillSession`: every turn of a session goes to every adapter again.

use super::sync_session::publish_and_answer;
use super::{App, DATABASE_DEADLINE};
use crate::adapters::upstash::qstash::Pace;
use crate::contract::answers::SyncAnswer;
use crate::contract::bodies::BackfillSession;
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::problem::Problem;

/// Enqueues and publishes all of a session: a new model, an adapter that was switched on.
pub async fn backfill_session(
    app: &App,
    user: UserId,
    body: BackfillSession,
) -> Result<SyncAnswer, Problem> {
    let session = Id::of_session(user, &body.session_id).uuid;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let state = app
        .supabase
        .backfill_session(user, session, &app.job_adapters, deadline)
        .await?;
    Ok(publish_and_answer(app, user, &body.session_id, state, Pace::Backfill).await)
}
