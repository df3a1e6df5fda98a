//! `fetchContext`: recent and relevant turns, and facts, packed, before the deadline.
//!
//! ```text
//! 0            Redis is asked, the database's connection seen to
//! head start   or its answer: the provider and Mem0 are asked
//! a vector     or two thirds of the deadline: the database is asked
//! deadline     or 10 ms before: what is late is left out; without the database there is no context
//! ```
//! Redis has its head start because it spares their calls, and only that: one that hangs costs nobody else's time.

mod budget;
mod facts;
mod turns;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use self::facts::{add_facts, find_facts};
use self::turns::find_turns;
use self::wanted::Wanted;
use super::App;
use super::cache::{Looked, Question};
use crate::adapters::embeddings::EmbeddableText;
use crate::contract::answers::{AdapterReport, AdapterStatus, ContextAdapters, FetchContextAnswer};
use crate::contract::bodies::FetchContext;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::packing::pack;
use crate::problem::Problem;

/// How long the provider and Mem0 wait for Redis to spare their calls: it mostly answers within a few milliseconds, and
/// theirs take twenty times as long.
const HEAD_START: Duration = Duration::from_millis(8);

/// A lookup that several wait for.
trait Looking: Future<Output = Arc<Looked>> + Clone {}

impl<T: Future<Output = Arc<Looked>> + Clone> Looking for T {}

/// When the answer to a request that came then is wanted.
pub fn context_deadline(came: Instant, body: &FetchContext) -> Deadline {
    Deadline::at(came + wanted::wait(body))
}

/// Finds and packs context, and returns the answer's JSON. What is late is left out and named in
/// `degraded`. `raw` is the request as it came, at `came`: it tells one request from another in the cache.
pub async fn fetch_context(
    app: &App,
    user: UserId,
    body: FetchContext,
    raw: &[u8],
    came: Instant,
) -> Result<String, Problem> {
    let wanted = Wanted::new(app, user, &body, came)?;
    let deadline = wanted.budget.whole;
    let question = Question {
        user,
        session: wanted.session,
        request: raw,
        query: wanted.embeddable.as_ref().map(EmbeddableText::as_str),
    };
    let lookup = async {
        match &app.cache {
            Some(cache) => cache.lookup(&question, deadline).await,
            None => Looked::nothing(AdapterReport::skipped()),
        }
    };
    let looking = lookup.map(Arc::new).shared();
    let snapshot = async {
        match &looking.clone().await.snapshot {
            Some(snapshot) => snapshot.clone(),
            None => std::future::pending().await,
        }
    };
    let (answer, whole) = tokio::select! {
        biased;
        snapshot = snapshot => return Ok(snapshot),
        found = find(app, user, &wanted, looking.clone()) => found?,
    };
    let answer =
        serde_json::to_string(&answer).map_err(|error| Problem::Internal(error.to_string()))?;
    if let (true, Some(cache), Some(ticket)) = (whole, &app.cache, &looking.await.ticket) {
        cache.store_snapshot(ticket, &answer, deadline).await;
    }
    Ok(answer)
}

/// The answer, and whether it lacks nothing.
async fn find(
    app: &App,
    user: UserId,
    wanted: &Wanted,
    looking: impl Looking,
) -> Result<(FetchContextAnswer, bool), Problem> {
    let head_start = tokio::time::timeout(HEAD_START, looking.clone())
        .map(drop)
        .shared();
    let (turns, (facts, mem0)) = tokio::try_join!(
        find_turns(app, user, wanted, head_start.clone(), looking.clone()),
        async {
            head_start.clone().await;
            Ok(find_facts(app, user, wanted).await)
        }
    )?;
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
    let looked = looking.await;
    let redis = AdapterReport {
        status: looked.report.status,
        duration_ms: looked.report.duration_ms,
    };
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
