//! What a request asks for.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::budget::Budget;
use crate::adapters::embeddings::EmbeddableText;
use crate::contract::bodies::{FetchContext, Include, Scope};
use crate::contract::shape::Fault;
use crate::domain::ids::{Id, UserId};
use crate::domain::when::{Asked, asked};
use crate::orchestrator::App;
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

/// How long a request waits for its answer.
pub(super) fn wait(body: &FetchContext) -> Duration {
    let wait = body.deadline_ms.as_ref();
    Duration::from_millis(wait.map_or(DEFAULT_DEADLINE_MS, |wait| wait.0).into())
}

/// What a request asks for, with what it leaves out filled in.
pub(super) struct Wanted {
    pub(super) budget: Budget,
    pub(super) session: Option<Uuid>,
    pub(super) session_only: bool,
    pub(super) query: Option<RawText>,
    /// What the embeddings provider may see of it. By itself: which session's numbers it would have, nobody
    /// could say without asking the database first.
    pub(super) embeddable: Option<EmbeddableText>,
    /// The query for Mem0, when facts are wanted and Mem0 is there.
    pub(super) facts: Option<RedactedText>,
    pub(super) recent: u32,
    pub(super) limit: u32,
    pub(super) max_tokens: u32,
    /// What the query says of time.
    pub(super) asked: Option<Asked>,
    pub(super) time_zone: String,
    pub(super) explain: bool,
    pub(super) notices: Vec<&'static str>,
}

impl Wanted {
    /// Of a request that came then.
    pub(super) fn new(
        app: &App,
        user: UserId,
        body: &FetchContext,
        came: Instant,
    ) -> Result<Self, Problem> {
        let include = body.include.as_ref().map(|include| include.0.as_slice());
        let wanted = |kind| include.is_none_or(|include| include.contains(&kind));
        let session_only = body.scope == Some(Scope::Session);
        if session_only && body.session_id.is_none() {
            return Err(Problem::InvalidRequest(vec![Fault {
                pointer: "/sessionId".to_owned(),
                message: "is required with the scope `session`".to_owned(),
            }]));
        }
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
            budget: Budget::new(came, wait(body)),
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
