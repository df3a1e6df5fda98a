//! `fetchContext`: recent and relevant turns, packed, before the deadline.

use std::time::Duration;

use super::App;
use super::report::reported;
use crate::adapters::supabase::{ContextQuery, Found};
use crate::contract::answers::{
    AdapterReport, AdapterStatus, ContextAdapters, ContextItem, FetchContextAnswer, Source,
};
use crate::contract::bodies::{FetchContext, Include, Role, Scope};
use crate::contract::scalars::Moment;
use crate::contract::shape::Fault;
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::domain::packing::{Candidate, pack};
use crate::problem::Problem;

const DEFAULT_LIMIT: u32 = 20;
const DEFAULT_MAX_TOKENS: u32 = 1500;
const DEFAULT_DEADLINE_MS: u32 = 250;

/// How many of the latest turns count by themselves.
const RECENT: u32 = 10;

/// How many of the best hits bring their neighbours.
const NEIGHBORS: u32 = 3;

/// What is kept of the deadline for the database while the query is being embedded.
const RESERVE: Duration = Duration::from_millis(80);

/// The least time the database gets: without it there is no context at all, and the first request
/// of an instance may have to connect.
const DATABASE_LEAST: Duration = Duration::from_secs(1);

/// Finds and packs context. What is late is left out and named in `degraded`.
pub async fn fetch_context(
    app: &App,
    user: UserId,
    body: FetchContext,
) -> Result<FetchContextAnswer, Problem> {
    let include = body.include.as_ref().map(|include| include.0.as_slice());
    let wanted = |kind| include.is_none_or(|include| include.contains(&kind));
    let session_only = body.scope == Some(Scope::Session);
    if session_only && body.session_id.is_none() {
        return Err(Problem::InvalidRequest(vec![Fault {
            pointer: "/sessionId".to_owned(),
            message: "is required with the scope `session`".to_owned(),
        }]));
    }
    let wait = Duration::from_millis(
        body.deadline_ms
            .map_or(DEFAULT_DEADLINE_MS, |whole| whole.0)
            .into(),
    );
    let deadline = Deadline::after(wait);
    let query = body
        .query
        .as_ref()
        .map(|query| query.0.trim())
        .filter(|query| !query.is_empty() && wanted(Include::Relevant));

    let mut degraded = Vec::new();
    let mut embeddings = AdapterReport::skipped();
    let mut embedding = None;
    if let (Some(text), Some(embedder)) = (query, &app.embedder) {
        let in_time = deadline.at_most(wait.saturating_sub(RESERVE).max(wait / 2));
        let (vectors, report) = reported(embedder.embed(&[text], in_time)).await;
        embeddings = report;
        embedding = vectors.ok().and_then(|mut vectors| vectors.pop());
        if embedding.is_none() {
            embeddings.status = AdapterStatus::Error;
            degraded.push("embeddings");
        }
    }

    // With a query and no session there is no conversation whose latest turns would matter.
    let session = body
        .session_id
        .as_ref()
        .map(|id| Id::of_session(user, id).uuid);
    let recent = wanted(Include::Recent) && (session.is_some() || query.is_none());
    let context = ContextQuery {
        session,
        session_only,
        recent: if recent { RECENT } else { 0 },
        text: query,
        embedding: app
            .embedder
            .as_ref()
            .zip(embedding.as_deref())
            .map(|(embedder, vector)| (embedder.model(), vector)),
        limit: body.limit.map_or(DEFAULT_LIMIT, |whole| whole.0),
        neighbors: NEIGHBORS,
    };
    let least = Deadline::after(DATABASE_LEAST.max(deadline.remaining()));
    let (found, supabase) = reported(app.supabase.fetch_context(user, &context, least)).await;
    let candidates: Option<Vec<Candidate>> = found?.into_iter().map(candidate).collect();
    let candidates =
        candidates.ok_or_else(|| Problem::Internal("a row of an unknown kind".to_owned()))?;
    let packed = pack(
        candidates,
        body.max_tokens.map_or(DEFAULT_MAX_TOKENS, |whole| whole.0),
    );
    Ok(FetchContextAnswer {
        items: packed.items,
        prompt: packed.prompt,
        tokens: packed.tokens,
        degraded,
        adapters: ContextAdapters {
            supabase,
            embeddings,
            mem0: AdapterReport::skipped(),
        },
    })
}

fn candidate(found: Found) -> Option<Candidate> {
    Some(Candidate {
        seq: found.seq,
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
            text: found.text,
            score: (found.score * 1e6).round() / 1e6,
            created_at: Moment(found.created_at),
        },
    })
}
