//! Recall against tokens: the same questions, packed into budgets from small to large.

use std::path::Path;

use devstack::functions::Host;
use devstack::stack::EmbedderChoice;

use super::super::progress;
use super::dataset::Dataset;
use super::running::Running;
use super::{ask, callers, record_all};
use crate::Error;

/// Of each budget the share of the evidence that was packed, from 0 to 1, in their order; with MiniLM's
/// vectors, on the Vercel host.
pub(in crate::bench) async fn by_budget(data: &Path, budgets: &[u32]) -> Result<Vec<f64>, Error> {
    let dataset = Dataset::read(data, None)?;
    let embedder = EmbedderChoice::MiniLm;
    let running = Running::start(Host::Vercel, embedder, false).await?;
    let found = found(&running, &dataset, embedder, budgets).await;
    running.stop().await?;
    found
}

async fn found(
    running: &Running,
    dataset: &Dataset,
    embedder: EmbedderChoice,
    budgets: &[u32],
) -> Result<Vec<f64>, Error> {
    let users = record_all(running, dataset, embedder).await?;
    let callers = callers(running, &users)?;
    let conversations = dataset.conversations.iter();
    let questions: usize = conversations.clone().map(|one| one.questions.len()).sum();
    let bar = progress(questions, "packing into budgets")?;
    let mut sums = vec![0.0; budgets.len()];
    for (conversation, caller) in conversations.zip(&callers) {
        let contents = ask::contents(conversation);
        for question in &conversation.questions {
            for (sum, budget) in sums.iter_mut().zip(budgets) {
                *sum += ask::packed_share(caller, question, &contents, *budget).await?;
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(sums
        .into_iter()
        .map(|sum| sum / questions.max(1) as f64)
        .collect())
}
