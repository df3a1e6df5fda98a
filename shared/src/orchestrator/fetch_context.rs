//! `fetchContext`: recent and relevant turns, and facts, packed, before the deadline.

mod facts;

use std::time::Duration;

use uuid::Uuid;

use self::facts::{add_facts, find_facts};
use super::App;
use super::cache::{Cache, Question, Ticket};
use super::report::reported;
use crate::adapters::embeddings::{EmbeddableText, TextRole};
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
use crate::domain::when::{Asked, asked};
use crate::problem::Problem;
use crate::redact::{Numbers, RawText, RedactedText};

const DEFAULT_LIMIT: u32 = 20;
const DEFAULT_MAX_TOKENS: u32 = 1500;
const DEFAULT_DEADLINE_MS: u32 = 250;
const DEFAULT_TIME_ZONE: &str = "UTC";

/// How many of the latest turns count by themselves.
const RECENT: u32 = 10;

/// How much of a query counts, in characters; a whole message of a chat is mostly shorter.
const QUERY: usize = 10_000;

/// What is kept of the deadline for the database while the query is being embedded.
const RESERVE: Duration = Duration::from_millis(80);

/// The least time the database gets: without it there is no context at all, and the first request
/// of an instance may have to connect.
const DATABASE_LEAST: Duration = Duration::from_secs(1);

/// Finds and packs context, and returns the answer's JSON. What is late is left out and named in
/// `degraded`. `raw` is the request as it came: it tells one request from another in the cache.
pub async fn fetch_context(
    app: &App,
    user: UserId,
    body: FetchContext,
    raw: &[u8],
) -> Result<String, Problem> {
    let wanted = Wanted::new(app, user, &body)?;
    let Some(cache) = &app.cache else {
        let (answer, _) = find(app, user, &wanted, None, AdapterReport::skipped()).await?;
        return written(&answer);
    };
    let looked = cache
        .lookup(&Question {
            user,
            session: wanted.session,
            request: raw,
            query: wanted.embeddable.as_ref().map(EmbeddableText::as_str),
        })
        .await;
    if let Some(snapshot) = looked.snapshot {
        return Ok(snapshot);
    }
    let known = Known {
        embedding: looked.embedding,
        keep: looked.ticket.as_ref().map(|ticket| (cache, ticket)),
    };
    let (answer, whole) = find(app, user, &wanted, Some(known), looked.report).await?;
    let answer = written(&answer)?;
    if let Some(ticket) = looked.ticket.filter(|_| whole) {
        cache.store_snapshot(&ticket, &answer).await;
    }
    Ok(answer)
}

/// What a request asks for, with what it leaves out filled in.
struct Wanted {
    deadline: Deadline,
    /// Of the deadline, what the query's embedding may take.
    embedding_deadline: Deadline,
    session: Option<Uuid>,
    session_only: bool,
    query: Option<RawText>,
    /// What the embeddings provider may see of it. By itself: which session's numbers it would have, nobody
    /// could say without asking the database first.
    embeddable: Option<EmbeddableText>,
    /// The query for Mem0, when facts are wanted and Mem0 is there.
    facts: Option<RedactedText>,
    recent: u32,
    limit: u32,
    max_tokens: u32,
    /// What the query says of time.
    asked: Option<Asked>,
    time_zone: String,
    explain: bool,
    notices: Vec<&'static str>,
}

/// What the cache has, and where it keeps more.
struct Known<'a> {
    embedding: Option<Vec<f32>>,
    keep: Option<(&'a Cache, &'a Ticket)>,
}

impl Wanted {
    fn new(app: &App, user: UserId, body: &FetchContext) -> Result<Self, Problem> {
        let include = body.include.as_ref().map(|include| include.0.as_slice());
        let wanted = |kind| include.is_none_or(|include| include.contains(&kind));
        let session_only = body.scope == Some(Scope::Session);
        if session_only && body.session_id.is_none() {
            return Err(Problem::InvalidRequest(vec![Fault {
                pointer: "/sessionId".to_owned(),
                message: "is required with the scope `session`".to_owned(),
            }]));
        }
        let wait = body
            .deadline_ms
            .map_or(DEFAULT_DEADLINE_MS, |whole| whole.0);
        let wait = Duration::from_millis(wait.into());
        let deadline = Deadline::after(wait);
        let whole = body.query.as_ref().map(|query| query.0.trim());
        let text = whole.map(beginning).filter(|query| !query.is_empty());
        let notices = match text < whole {
            true => vec!["query_cut"],
            false => Vec::new(),
        };
        let session = body.session_id.as_ref();
        // With a query and no session there is no conversation whose latest turns would matter.
        let query = text.filter(|_| wanted(Include::Relevant)).map(RawText::new);
        let embeddable = app.embedder.as_ref().zip(query.as_ref());
        let recent = wanted(Include::Recent) && (session.is_some() || query.is_none());
        Ok(Self {
            deadline,
            embedding_deadline: deadline.at_most(wait.saturating_sub(RESERVE).max(wait / 2)),
            session: session.map(|id| Id::of_session(user, id).uuid),
            session_only,
            embeddable: embeddable
                .map(|(embedder, query)| embedder.admit(query, &mut Numbers::default())),
            query,
            facts: text
                .filter(|_| wanted(Include::Facts) && !session_only && app.mem0.is_some())
                .map(|query| app.redactor.redact(query)),
            recent: if recent { RECENT } else { 0 },
            limit: body.limit.map_or(DEFAULT_LIMIT, |whole| whole.0),
            max_tokens: body.max_tokens.map_or(DEFAULT_MAX_TOKENS, |whole| whole.0),
            asked: text.map(asked),
            time_zone: body
                .time_zone
                .as_ref()
                .map_or_else(|| DEFAULT_TIME_ZONE.to_owned(), |zone| zone.0.clone()),
            explain: body.explain.unwrap_or_default(),
            notices,
        })
    }
}

/// As much of a query as counts.
fn beginning(query: &str) -> &str {
    match query.char_indices().nth(QUERY) {
        Some((end, _)) => &query[..end],
        None => query,
    }
}

/// The answer, and whether it lacks nothing.
async fn find(
    app: &App,
    user: UserId,
    wanted: &Wanted,
    known: Option<Known<'_>>,
    redis: AdapterReport,
) -> Result<(FetchContextAnswer, bool), Problem> {
    let (turns, (facts, mem0)) = tokio::join!(
        find_turns(app, user, wanted, known),
        find_facts(app, user, wanted)
    );
    let turns = turns?;
    let mut degraded = Vec::new();
    if turns.embeddings.status == AdapterStatus::Error {
        degraded.push("embeddings");
    }
    if mem0.status == AdapterStatus::Error {
        degraded.push("mem0");
    }
    let mut candidates = turns.candidates;
    add_facts(&app.redactor, &mut candidates, facts);
    let packed = pack(candidates, wanted.max_tokens);
    let whole = degraded.is_empty();
    let answer = FetchContextAnswer {
        items: packed.items,
        prompt: packed.prompt,
        tokens: packed.tokens,
        degraded,
        notices: wanted.notices.clone(),
        adapters: ContextAdapters {
            supabase: turns.supabase,
            embeddings: turns.embeddings,
            mem0,
            redis,
        },
    };
    Ok((answer, whole))
}

struct Turns {
    candidates: Vec<Candidate>,
    supabase: AdapterReport,
    embeddings: AdapterReport,
}

async fn find_turns(
    app: &App,
    user: UserId,
    wanted: &Wanted,
    known: Option<Known<'_>>,
) -> Result<Turns, Problem> {
    let (cached, keep) = match known {
        Some(known) => (known.embedding, known.keep),
        None => (None, None),
    };
    let mut embeddings = AdapterReport::skipped();
    let mut embedding = cached.filter(|_| wanted.embeddable.is_some());
    let mut fresh = None;
    if let (Some(text), Some(embedder), None) = (&wanted.embeddable, &app.embedder, &embedding) {
        let made = embedder.embed(&[text], TextRole::Query, wanted.embedding_deadline);
        let (vectors, report) = reported(made).await;
        embeddings = report;
        embedding = vectors.ok().and_then(|mut vectors| vectors.pop());
        match embedding {
            Some(_) => fresh = keep,
            None => embeddings.status = AdapterStatus::Error,
        }
    }

    let context = ContextQuery {
        session: wanted.session,
        session_only: wanted.session_only,
        recent: wanted.recent,
        text: wanted.query.as_ref(),
        embedding: app
            .embedder
            .as_ref()
            .zip(embedding.as_deref())
            .map(|(embedder, vector)| (embedder.model(), vector)),
        limit: wanted.limit,
        asked: wanted.asked.as_ref(),
        time_zone: &wanted.time_zone,
        explain: wanted.explain,
    };
    let least = Deadline::after(DATABASE_LEAST.max(wanted.deadline.remaining()));
    let keeping = async {
        if let (Some((cache, ticket)), Some(vector)) = (fresh, &embedding) {
            cache.store_embedding(ticket, vector).await;
        }
    };
    let ((found, supabase), ()) = tokio::join!(
        reported(app.supabase.fetch_context(user, &context, least)),
        keeping
    );
    let candidates: Option<Vec<Candidate>> = found?.into_iter().map(candidate).collect();
    Ok(Turns {
        candidates: candidates
            .ok_or_else(|| Problem::Internal("a row of an unknown kind".to_owned()))?,
        supabase,
        embeddings,
    })
}

fn written(answer: &FetchContextAnswer) -> Result<String, Problem> {
    serde_json::to_string(answer).map_err(|error| Problem::Internal(error.to_string()))
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
            name: found.name,
            text: found.text,
            score: (found.score * 1e6).round() / 1e6,
            created_at: Moment(found.created_at),
            parts: found.parts,
        },
    })
}
