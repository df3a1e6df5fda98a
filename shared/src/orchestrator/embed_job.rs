//! The embedding job: read the turns, embed them, write the vectors and remove the job.

use std::time::Duration;

use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::StoreError;
use crate::contract::answers::{JobAnswer, JobOutcome};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::VERSION;
use crate::domain::tokens;
use crate::problem::Problem;

/// How long the provider may take for all of a job's batches.
const EMBED_DEADLINE: Duration = Duration::from_secs(20);

/// The most tokens of a text that are sent: what providers take at most (OpenAI 8,191), and far more
/// than a vector can say.
const MAX_TOKENS: u32 = 8000;

/// Seconds for which nobody else is handed the job.
const LEASE: i32 = 30;

/// Does an embedding job. A second delivery finds nothing to do; a failure leaves the job queued
/// and asks for another delivery.
pub async fn embed_job(app: &App, user: UserId, job: i64) -> Result<JobAnswer, Problem> {
    let Some(embedder) = &app.embedder else {
        return Err(Problem::JobRefused("No embeddings provider is configured."));
    };
    let begun = app
        .supabase
        .begin_embed_job(user, job, LEASE, Deadline::after(DATABASE_DEADLINE))
        .await;
    let work = match begun {
        Ok(Some(work)) => work,
        Ok(None) | Err(StoreError::NotFound) => return Ok(answer(JobOutcome::Gone)),
        Err(error) => return Err(error.into()),
    };
    if work.version != VERSION {
        return Err(Problem::JobRefused(
            "The queued job has an unknown version.",
        ));
    }

    let vectors = {
        let texts: Vec<&str> = work
            .turns
            .iter()
            .map(|turn| tokens::first(&turn.text, MAX_TOKENS))
            .collect();
        match embedder
            .embed(&texts, Deadline::after(EMBED_DEADLINE))
            .await
        {
            Ok(vectors) => vectors,
            Err(error) => {
                let deadline = Deadline::after(DATABASE_DEADLINE);
                let noted = app
                    .supabase
                    .note_job_failure(user, "embed", job, error.kind, deadline)
                    .await;
                if noted.is_err() {
                    tracing::warn!("the failed attempt could not be noted");
                }
                return Err(error.into());
            }
        }
    };

    let nothing_to_embed = work.turns.is_empty();
    let embedded: Vec<_> = work.turns.into_iter().zip(vectors).collect();
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let written = app
        .supabase
        .finish_embed_job(
            user,
            job,
            work.session,
            embedder.model(),
            &embedded,
            deadline,
        )
        .await?;
    Ok(answer(if written && !nothing_to_embed {
        JobOutcome::Done
    } else {
        JobOutcome::Gone
    }))
}

fn answer(outcome: JobOutcome) -> JobAnswer {
    JobAnswer { outcome }
}
