//! An attempt at embedding: each turn under each model that is configured.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::Worked;
use crate::adapters::embeddings::{EmbeddableText, Embedder, TextRole};
use crate::adapters::supabase::{Done, Failed, JobTurn, Settlement, TurnVector, Work};
use crate::adapters::{Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::orchestrator::App;
use crate::redact::Numbers;

/// What every provider embeds.
const PLAIN: &str = "tea";

/// How long it may take for that.
const PLAIN_DEADLINE: Duration = Duration::from_secs(3);

/// Embeds what is not embedded yet. A turn is done when every model has it.
pub(super) async fn embed(app: &App, work: &Work, numbers: &mut Numbers) -> Worked {
    let deadline = Deadline::after(app.jobs.work());
    let mut vectors = Vec::new();
    let mut failed: HashMap<Uuid, Failed> = HashMap::new();
    let mut first_error = None;
    let mut trouble = None;
    for (place, embedder) in app.embedder.iter().chain(&app.next_embedder).enumerate() {
        let missing: Vec<Text<'_>> = work
            .turns
            .iter()
            .filter(|turn| !turn.models.iter().any(|model| model == embedder.model()))
            .map(|turn| (turn, embedder.admit(&turn.text, numbers)))
            .collect();
        let embedded = embed_all(embedder, &missing, deadline).await;
        let mut outage = false;
        if let Some(error) = embedded.error {
            outage = embedded.vectors.is_empty() && is_outage(embedder, error.kind, deadline).await;
            // The one that is being moved to may be down without keeping any turn from being found.
            if outage && place == 0 {
                trouble = Some(error.kind);
            }
            first_error.get_or_insert(error);
        }
        vectors.extend(embedded.vectors);
        for (turn, cause) in embedded.failed {
            let counts = !outage && cause.is_some_and(ErrorKind::may_be_the_turns_fault);
            let failure = Failed {
                turn,
                cause,
                counts,
            };
            failed.entry(turn).or_insert(failure);
        }
    }
    let done = work
        .turns
        .iter()
        .filter(|turn| !failed.contains_key(&turn.id))
        .map(|turn| Done {
            turn: turn.id,
            revision: turn.revision,
            external_id: None,
        })
        .collect();
    Worked {
        vectors,
        settlement: Settlement {
            attempt: work.attempt,
            done,
            failed: failed.into_values().collect(),
            trouble,
        },
        error: first_error,
    }
}

/// Whether the provider, and not what was sent, is to blame: then it cannot embed a plain word either.
/// Otherwise a few texts that no provider takes would look like an outage to all other turns.
async fn is_outage(embedder: &Embedder, kind: ErrorKind, deadline: Deadline) -> bool {
    if !kind.may_be_an_outage() {
        return false;
    }
    !kind.may_be_the_turns_fault()
        || embedder
            .embed(
                &[&EmbeddableText::ours(PLAIN)],
                TextRole::Document,
                deadline.at_most(PLAIN_DEADLINE),
            )
            .await
            .is_err()
}

/// A turn, and what the provider may see of it.
type Text<'a> = (&'a JobTurn, EmbeddableText);

/// What one model made of some turns.
#[derive(Default)]
struct Embedded {
    vectors: Vec<TurnVector>,
    failed: Vec<(Uuid, Option<ErrorKind>)>,
    error: Option<Error>,
}

/// Embeds batch by batch. A batch that fails because of what may stand in it is halved, down to the
/// one text, so that a text which no provider takes is alone in failing.
async fn embed_all(embedder: &Embedder, turns: &[Text<'_>], deadline: Deadline) -> Embedded {
    let mut embedded = Embedded::default();
    let mut batches: VecDeque<&[Text<'_>]> = embedder.batches(turns, |(_, text)| text).into();
    while let Some(batch) = batches.pop_front() {
        let texts: Vec<&EmbeddableText> = batch.iter().map(|(_, text)| text).collect();
        match embedder.embed(&texts, TextRole::Document, deadline).await {
            Ok(vectors) => {
                embedded
                    .vectors
                    .extend(
                        batch
                            .iter()
                            .zip(vectors)
                            .map(|((turn, _), vector)| TurnVector {
                                turn: turn.id,
                                revision: turn.revision,
                                model: embedder.model().to_owned(),
                                vector,
                            }),
                    );
            }
            Err(error) if batch.len() > 1 && is_worth_halving(error.kind, batch) => {
                let (one, other) = batch.split_at(batch.len() / 2);
                batches.push_front(other);
                batches.push_front(one);
            }
            Err(error) => {
                let kind = error.kind;
                let causes = batch.iter().map(|(turn, _)| (turn.id, Some(kind)));
                embedded.failed.extend(causes);
                embedded.error.get_or_insert(error);
                // The next batch would fare alike, so it is left for another attempt.
                if !kind.may_be_the_turns_fault() || deadline.remaining().is_zero() {
                    let rest = batches.drain(..).flatten();
                    embedded
                        .failed
                        .extend(rest.map(|(turn, _)| (turn.id, None)));
                }
            }
        }
    }
    embedded
}

/// A refusal is about the texts. A provider that is busy or answers nonsense may just be so today,
/// unless one of the texts has failed before.
fn is_worth_halving(kind: ErrorKind, batch: &[Text<'_>]) -> bool {
    match kind {
        ErrorKind::Refused => true,
        ErrorKind::Busy | ErrorKind::Malformed | ErrorKind::Timeout => {
            batch.iter().any(|(turn, _)| turn.repeated)
        }
        ErrorKind::Unreachable | ErrorKind::Throttled | ErrorKind::Denied => false,
    }
}
