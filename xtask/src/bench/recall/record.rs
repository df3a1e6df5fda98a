//! Every turn into the memory, with its date, and its embedding after it.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

use super::caller::Caller;
use super::dataset::{Conversation, Session};
use super::said;
use crate::Error;

/// Turns of one request: what the endpoint takes.
const TURNS: usize = 100;

/// Between two looks at what is still to be embedded.
const LOOK: Duration = Duration::from_millis(50);

/// How long nothing may happen before the sessions are synced again, and before it is given up.
const RESYNC: Duration = Duration::from_secs(30);
const GIVE_UP: Duration = Duration::from_secs(240);

/// What the jobs have left to do for a user, and what they gave up.
const LEFT: &str = "
select count(*) filter (where state = 'pending'), count(*) filter (where state = 'dead')
from memories.adapter_syncs
where user_id = $1 and adapter = 'embed'";

/// Records the sessions one after the other, as they were held.
pub(super) async fn record(
    caller: &Caller,
    conversation: &Conversation,
    bar: &ProgressBar,
) -> Result<(), Error> {
    for session in &conversation.sessions {
        for turns in bodies(session)?.chunks(TURNS) {
            let body = json!({ "sessionId": session.id, "turns": turns });
            caller.post("/api/turns", &body).await?;
            bar.inc(turns.len() as u64);
        }
    }
    Ok(())
}

/// A turn follows the one before by a second, so that the order of time is the order of the talk; a
/// session's date is all that the data tell.
fn bodies(session: &Session) -> Result<Vec<Value>, Error> {
    let mut at = session.began;
    let mut bodies = Vec::with_capacity(session.turns.len());
    for turn in &session.turns {
        bodies.push(said::body(turn, at)?);
        at += Duration::from_secs(1);
    }
    Ok(bodies)
}

/// Waits until every turn of the user has its embedding.
///
/// # Errors
/// When one was given up, or nothing was embedded for minutes.
pub(super) async fn embedded(
    caller: &Caller,
    admin: &Client,
    user: Uuid,
    conversation: &Conversation,
    bar: &ProgressBar,
) -> Result<(), Error> {
    let begun = bar.position();
    let mut before = i64::try_from(conversation.turns())?;
    let all = before;
    let (mut moved, mut synced) = (Instant::now(), Instant::now());
    loop {
        let row = admin.query_one(LEFT, &[&user]).await?;
        let (pending, dead): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if dead > 0 {
            return Err(
                format!("{dead} turns could not be embedded; the functions' logs say why").into(),
            );
        }
        bar.set_position(begun + u64::try_from(all - pending).unwrap_or_default());
        if pending == 0 {
            return Ok(());
        }
        if pending < before {
            (before, moved, synced) = (pending, Instant::now(), Instant::now());
        } else if moved.elapsed() > GIVE_UP {
            return Err(
                format!("{pending} turns wait for their embedding and nothing happens").into(),
            );
        } else if synced.elapsed() > RESYNC {
            synced = Instant::now();
            for session in &conversation.sessions {
                let body = json!({ "sessionId": session.id });
                caller.post("/api/sessions/sync", &body).await?;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
