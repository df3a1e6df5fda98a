//! Turns by meaning, words and recency: the query's vector, then the database.

use super::Looking;
use super::wanted::Wanted;
use crate::adapters::embeddings::TextRole;
use crate::adapters::supabase::{ContextQuery, Found};
use crate::contract::answers::{AdapterReport, AdapterStatus, ContextItem, Source};
use crate::contract::bodies::Role;
use crate::contract::scalars::Moment;
use crate::domain::ids::UserId;
use crate::domain::packing::Candidate;
use crate::orchestrator::App;
use crate::orchestrator::report::reported;
use crate::problem::Problem;

/// What was found, and how it went.
pub(super) struct Turns {
    pub(super) candidates: Vec<Candidate>,
    pub(super) supabase: AdapterReport,
    pub(super) embeddings: AdapterReport,
}

/// Asks the database once there is a vector, or there will be none. Meanwhile its connection is seen to: one that died
/// while the instance slept is replaced by then.
pub(super) async fn find_turns(
    app: &App,
    user: UserId,
    wanted: &Wanted,
    head_start: impl Future<Output = ()>,
    looking: impl Looking,
) -> Result<Turns, Problem> {
    let deadline = wanted.budget.database(app.supabase.was_reached());
    let (query, ()) = tokio::join!(
        async {
            head_start.await;
            find_vector(app, wanted, looking.clone()).await
        },
        app.supabase.ready(deadline)
    );
    let context = ContextQuery {
        session: wanted.session,
        session_only: wanted.session_only,
        recent: wanted.recent,
        text: wanted.query.as_ref(),
        embedding: app
            .embedder
            .as_ref()
            .zip(query.vector.as_deref())
            .map(|(embedder, vector)| (embedder.model(), vector)),
        limit: wanted.limit,
        asked: wanted.asked.as_ref(),
        time_zone: &wanted.time_zone,
        explain: wanted.explain,
    };
    let keeping = async {
        if let (true, Some(cache), Some(vector)) = (query.is_new, &app.cache, &query.vector)
            && let Some(ticket) = &looking.await.ticket
        {
            cache
                .store_embedding(ticket, vector, wanted.budget.whole)
                .await;
        }
    };
    let ((found, supabase), ()) = tokio::join!(
        reported(app.supabase.fetch_context(user, &context, deadline)),
        keeping
    );
    let candidates: Option<Vec<Candidate>> = found?.into_iter().map(candidate).collect();
    Ok(Turns {
        candidates: candidates
            .ok_or_else(|| Problem::Internal("a row of an unknown kind".to_owned()))?,
        supabase,
        embeddings: query.report,
    })
}

/// The query's vector, when there is one in time.
struct Vector {
    vector: Option<Vec<f32>>,
    /// Whether the provider made it.
    is_new: bool,
    report: AdapterReport,
}

/// The one that was kept or the provider's, whichever comes first.
async fn find_vector(app: &App, wanted: &Wanted, looking: impl Looking) -> Vector {
    let (Some(text), Some(embedder)) = (&wanted.embeddable, &app.embedder) else {
        return Vector::kept(None);
    };
    let kept = async {
        match &looking.clone().await.embedding {
            Some(vector) => vector.clone(),
            None => std::future::pending().await,
        }
    };
    let texts = [text];
    let (vectors, report) = tokio::select! {
        biased;
        kept = kept => return Vector::kept(Some(kept)),
        made = reported(embedder.embed(&texts, TextRole::Query, wanted.budget.embedding)) => made,
    };
    match vectors.ok().and_then(|mut vectors| vectors.pop()) {
        Some(vector) => Vector {
            vector: Some(vector),
            is_new: true,
            report,
        },
        // A provider that refuses may do so before Redis has answered.
        None => match &looking.await.embedding {
            Some(vector) => Vector::kept(Some(vector.clone())),
            None => Vector {
                vector: None,
                is_new: false,
                report: AdapterReport {
                    status: AdapterStatus::Error,
                    ..report
                },
            },
        },
    }
}

impl Vector {
    /// One that nobody was asked for.
    fn kept(vector: Option<Vec<f32>>) -> Self {
        Self {
            vector,
            is_new: false,
            report: AdapterReport::skipped(),
        }
    }
}

fn candidate(found: Found) -> Option<Candidate> {
    Some(Candidate {
        seq: found.seq,
        day: found.day,
        item: ContextItem {
            source: Source::from_word(&found.source)?,
            turn_id: Some(found.turn_id),
            id: found
                .external_id
                .unwrap_or_else(|| found.turn_id.to_string()),
            session_id: Some(
                found
                    .session_external_id
                    .unwrap_or_else(|| found.session_id.to_string()),
            ),
            role: Role::from_word(&found.role)?,
            name: found.name,
            text: found.text,
            score: (found.score * 1e6).round() / 1e6,
            created_at: Moment(found.created_at),
            parts: found.parts,
        },
    })
}
