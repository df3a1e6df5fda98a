//! An attempt at bringing turns to Mem0: each by itself, redacted, a few at once.

use std::time::Duration;

use futures_util::StreamExt as _;

use super::Worked;
use crate::adapters::mem0::{EventState, Mem0, Push};
use crate::adapters::supabase::{Done, Failed, JobTurn, Settlement, Work};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::contract::bodies::Role;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::orchestrator::App;
use crate::redact::{Numbers, RedactedText};

/// How long one push may take: a self-hosted server asks its language model before it answers.
const PUSH_DEADLINE: Duration = Duration::from_secs(15);

/// How long is waited for the platform to do what it has accepted.
const CONFIRMATION: Duration = Duration::from_secs(6);

/// How long it may take for a plain question.
const PLAIN_DEADLINE: Duration = Duration::from_secs(3);

/// Between two looks at it.
const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// What became of a push.
enum Pushed {
    /// Mem0 has the turn, under this id if it says one.
    Kept(Option<String>),
    /// Mem0 has taken it, and is not done with it.
    Accepted,
}

/// Pushes the turns. Once Mem0 turns out to be away, the rest is left for another attempt.
pub(super) async fn push(app: &App, user: UserId, work: &Work, numbers: &mut Numbers) -> Worked {
    let mut settlement = Settlement {
        attempt: work.attempt,
        done: Vec::new(),
        failed: Vec::new(),
        trouble: None,
    };
    let mut first_error: Option<Error> = None;
    if let Some(mem0) = &app.mem0 {
        let deadline = Deadline::after(app.jobs.work());
        let pushes: Vec<_> = work
            .turns
            .iter()
            .map(|turn| {
                let text = said(app, mem0, turn, numbers);
                push_one(mem0, user, work, turn, text, deadline)
            })
            .collect();
        let mut pushes = futures_util::stream::iter(pushes).buffered(mem0.concurrency());
        let mut turns = work.turns.iter();
        while let Some(result) = pushes.next().await {
            let Some(turn) = turns.next() else { break };
            match result {
                Ok(Pushed::Kept(external_id)) => settlement.done.push(Done {
                    turn: turn.id,
                    revision: turn.revision,
                    external_id,
                }),
                Ok(Pushed::Accepted) => settlement.failed.push(Failed {
                    turn: turn.id,
                    cause: None,
                    counts: false,
                }),
                Err(error) => {
                    settlement.failed.push(Failed {
                        turn: turn.id,
                        cause: Some(error.kind),
                        counts: error.kind.may_be_the_turns_fault(),
                    });
                    let is_away = !error.kind.may_be_the_turns_fault();
                    first_error.get_or_insert(error);
                    if is_away || deadline.remaining().is_zero() {
                        break;
                    }
                }
            }
        }
        settlement.failed.extend(turns.map(|turn| Failed {
            turn: turn.id,
            cause: None,
            counts: false,
        }));
        let kind = first_error.as_ref().map(|error| error.kind);
        settlement.trouble =
            kind.filter(|kind| kind.may_be_an_outage() && settlement.done.is_empty());
        // No turn is given up because Mem0 was down: then it cannot search either.
        if settlement.trouble.is_some() && !answers(mem0, user, deadline).await {
            settlement
                .failed
                .iter_mut()
                .for_each(|failed| failed.counts = false);
        }
    }
    Worked {
        vectors: Vec::new(),
        settlement,
        error: first_error,
    }
}

/// Whether Mem0 answers a plain question.
async fn answers(mem0: &Mem0, user: UserId, deadline: Deadline) -> bool {
    let deadline = deadline.at_most(PLAIN_DEADLINE);
    let plain = RedactedText::ours("tea");
    mem0.search(user, &plain, 1, deadline).await.is_ok()
}

/// What Mem0 gets of a turn. What it shall have no more, it gets without words: it forgets what it had.
fn said(app: &App, mem0: &Mem0, turn: &JobTurn, numbers: &mut Numbers) -> RedactedText {
    match Role::from_word(&turn.role) {
        Some(role) if mem0.roles().contains(&role) => {
            app.redactor.redact_with(turn.text.expose(), numbers).text
        }
        _ => RedactedText::ours(""),
    }
}

async fn push_one(
    mem0: &Mem0,
    user: UserId,
    work: &Work,
    turn: &JobTurn,
    text: RedactedText,
    deadline: Deadline,
) -> Result<Pushed, Error> {
    let role = Role::from_word(&turn.role).ok_or_else(|| {
        Error::new(
            Adapter::Mem0,
            ErrorKind::Refused,
            "a turn of an unknown role",
        )
    })?;
    let push = Push {
        session: work.attempt.session,
        turn: turn.id,
        revision: turn.revision,
        role,
        text: &text,
        created_at: turn.created_at,
        repeat: turn.repeated || turn.revision > 1,
    };
    match mem0
        .push(user, &push, deadline.at_most(PUSH_DEADLINE))
        .await?
    {
        Some(id) => confirmed(mem0, id, deadline.at_most(CONFIRMATION)).await,
        None => Ok(Pushed::Kept(None)),
    }
}

/// Waits for what the platform has accepted to be done. When that takes long, or cannot be found out,
/// the turn stays pending: a later attempt finds it there, and waits on.
async fn confirmed(mem0: &Mem0, id: String, deadline: Deadline) -> Result<Pushed, Error> {
    loop {
        match mem0.event(&id, deadline).await {
            Ok(EventState::Done | EventState::Unknown) => return Ok(Pushed::Kept(Some(id))),
            Ok(EventState::Failed) => {
                let what = "Mem0 accepted a turn and failed at it";
                return Err(Error::new(Adapter::Mem0, ErrorKind::Refused, what));
            }
            Ok(EventState::Pending) if deadline.remaining() > LOOK_AGAIN => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            // Not every key may look: then Mem0 is believed.
            Err(error) if error.kind == ErrorKind::Denied => return Ok(Pushed::Kept(Some(id))),
            Ok(EventState::Pending) | Err(_) => return Ok(Pushed::Accepted),
        }
    }
}
