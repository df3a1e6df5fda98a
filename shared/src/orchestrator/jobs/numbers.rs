//! Which number a value has, when a session's turns leave. The audit knows, and is told here what is
//! replaced. Nearly all jobs hold nothing of the kind, and then nobody is asked.

use crate::adapters::supabase::{JobTurn, StoreError, TurnFinding, Work};
use crate::contract::bodies::Role;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;
use crate::orchestrator::{App, DATABASE_DEADLINE};
use crate::redact::{HashKey, Numbers};

/// The session's numbers for all that will be replaced in these turns.
pub(super) async fn numbers(
    app: &App,
    user: UserId,
    adapter: JobAdapter,
    work: &Work,
) -> Result<Numbers, StoreError> {
    let secret = app.hash_secret.expose().as_bytes();
    // Without a key, which does not happen, each job would number by itself.
    let Some(key) = HashKey::derive(secret, user.0.as_bytes()) else {
        return Ok(Numbers::default());
    };
    let mut numbers = Numbers::new(key.clone());
    let mut found = Vec::new();
    for turn in work.turns.iter().filter(|turn| leaves(app, adapter, turn)) {
        let redacted = app.redactor.redact_with(turn.text.expose(), &mut numbers);
        found.extend(redacted.findings.into_iter().map(|finding| TurnFinding {
            turn: turn.id,
            revision: turn.revision,
            finding,
        }));
    }
    if found.is_empty() {
        return Ok(numbers);
    }
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let session = work.attempt.session;
    let known = app
        .supabase
        .number_redactions(user, session, &found, deadline)
        .await?;
    let known = known
        .iter()
        .map(|it| (it.class.as_str(), it.hash.as_str(), it.number));
    Ok(Numbers::resume(key, known))
}

/// Whether a turn's text leaves redacted: the audit does not speak of what was sent to nobody, or as it was.
fn leaves(app: &App, adapter: JobAdapter, turn: &JobTurn) -> bool {
    match adapter {
        JobAdapter::Embed => {
            let mut embedders = app.embedder.iter().chain(&app.next_embedder);
            embedders.any(|embedder| !embedder.is_trusted())
        }
        JobAdapter::Mem0 => {
            let role = Role::from_word(&turn.role);
            let mem0 = app.mem0.as_ref();
            role.zip(mem0)
                .is_some_and(|(role, mem0)| mem0.roles().contains(&role))
        }
    }
}
