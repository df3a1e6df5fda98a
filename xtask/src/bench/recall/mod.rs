//! Recall on real conversations: every turn is recorded as an app would record it, every question is asked
//! of `POST /api/context`, and judged is whether the turns that answer it came back.
//!
//! ```text
//! dataset (dates, evidence) -> said, record -> ask (metrics) -> report
//! running -> what is asked;  vectors -> the model, and what it said before
//! ```

mod ask;
pub(super) mod budgets;
mod caller;
pub(super) mod dataset;
mod dates;
mod evidence;
pub(super) mod metrics;
mod record;
mod report;
mod running;
pub(super) mod said;
pub(super) mod vectors;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use devstack::functions::Host;
use devstack::stack::EmbedderChoice;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::ask::Asked;
use self::caller::Caller;
use self::dataset::Dataset;
use self::report::{Measured, Summary};
use self::running::Running;
use self::vectors::Vectors;
use super::progress;
use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Conversations in LoCoMo's JSON format
    #[arg(long)]
    data: PathBuf,
    /// What embeds: minilm, lexical or none
    #[arg(long, default_value = "minilm")]
    embedder: EmbedderChoice,
    /// The host whose binaries run: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// Only the first so many conversations
    #[arg(long)]
    limit_conversations: Option<usize>,
    /// Questions that are asked at once
    #[arg(long, default_value_t = 2)]
    concurrency: usize,
    /// Compute every vector anew: those of earlier runs are kept in .dev/bench/recall
    #[arg(long)]
    fresh: bool,
}

/// Measures and prints: the tables, or with `json` one line.
pub(super) async fn run(arguments: &Arguments, json: bool) -> Result<(), Error> {
    let dataset = Arc::new(Dataset::read(
        &arguments.data,
        arguments.limit_conversations,
    )?);
    let running = Running::start(arguments.host, arguments.embedder, arguments.fresh).await?;
    let measured = measure(&running, &dataset, arguments).await;
    running.stop().await?;
    let measured = measured?;
    let summary = Summary::of(&measured);
    if json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        print!("{}", summary.report(&measured));
    }
    match summary.failed() {
        0 => Ok(()),
        failed => {
            Err(format!("{failed} requests failed, and count as if nothing was found").into())
        }
    }
}

async fn measure<'a>(
    running: &Running,
    dataset: &'a Arc<Dataset>,
    arguments: &Arguments,
) -> Result<Measured<'a>, Error> {
    let begun = Instant::now();
    let users = record_all(running, dataset, arguments.embedder).await?;
    let recorded = begun.elapsed().as_secs_f64();
    let callers = callers(running, &users)?;
    let concurrency = arguments.concurrency.max(1);
    let asked = ask_all(callers, dataset, concurrency).await?;
    Ok(Measured {
        dataset,
        embedder: arguments.embedder.name(),
        host: arguments.host.to_string(),
        concurrency,
        asked,
        computed: running.vectors.as_ref().map(Vectors::computed),
        seconds: [recorded, begun.elapsed().as_secs_f64() - recorded],
    })
}

/// Gives each conversation a user, and fills their memories one after the other: the model uses every core
/// by itself, and no job shall wait for it longer than jobs do.
async fn record_all(
    running: &Running,
    dataset: &Dataset,
    embedder: EmbedderChoice,
) -> Result<Vec<Uuid>, Error> {
    let admin = running.database.admin().await?;
    // The same in each run: turns of equal score are ranked by ids, which are made of the user's.
    let users: Vec<Uuid> = (1..)
        .map(Uuid::from_u128)
        .take(dataset.conversations.len())
        .collect();
    let callers = callers(running, &users)?;
    let embeds = embedder != EmbedderChoice::None;
    let steps = if embeds { 2 } else { 1 };
    let bar = progress(steps * dataset.turns(), "recording and embedding")?;
    for ((conversation, caller), user) in dataset.conversations.iter().zip(&callers).zip(&users) {
        record::record(caller, conversation, &bar).await?;
        if embeds {
            record::embedded(caller, &admin, *user, conversation, &bar).await?;
        }
    }
    bar.finish_and_clear();
    // As an autovacuum leaves them, so that times are those of a database that has been there for a while.
    admin.batch_execute("vacuum analyze").await?;
    Ok(users)
}

/// A client for each user, with tokens that are good from now on.
fn callers(running: &Running, users: &[Uuid]) -> Result<Vec<Caller>, Error> {
    let client = reqwest::Client::new();
    let url = &running.stack.url;
    let users = users.iter();
    users
        .map(|user| {
            Ok(Caller::new(
                client.clone(),
                url,
                running.stack.user_token(*user)?,
            ))
        })
        .collect()
}

/// So many questions at once, until all were asked; in the order of the data.
async fn ask_all(
    callers: Vec<Caller>,
    dataset: &Arc<Dataset>,
    concurrency: usize,
) -> Result<Vec<Asked>, Error> {
    let places: Vec<(usize, usize)> = dataset
        .conversations
        .iter()
        .enumerate()
        .flat_map(|(of, conversation)| (0..conversation.questions.len()).map(move |one| (of, one)))
        .collect();
    let bar = progress(places.len(), "asking")?;
    let shared = Arc::new((places, callers, AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let (shared, dataset, bar) = (Arc::clone(&shared), Arc::clone(dataset), bar.clone());
        workers.spawn(async move {
            let (places, callers, next) = &*shared;
            let conversations = dataset.conversations.iter();
            let contents: Vec<_> = conversations.map(ask::contents).collect();
            let mut asked = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some((of, one)) = places.get(number).copied() else {
                    return asked;
                };
                let question = &dataset.conversations[of].questions[one];
                let answer = ask::ask(&callers[of], question, &contents[of]).await;
                asked.push((number, answer));
                bar.inc(1);
            }
        });
    }
    let mut asked = Vec::new();
    while let Some(worker) = workers.join_next().await {
        asked.extend(worker?);
    }
    bar.finish_and_clear();
    asked.sort_by_key(|(number, _)| *number);
    Ok(asked.into_iter().map(|(_, answer)| answer).collect())
}
