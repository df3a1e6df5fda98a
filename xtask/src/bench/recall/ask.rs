//! A question, asked as often as there are figures to take, and what the answers come to.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::dataset::{Category, Conversation, Question};
use super::metrics::{Scores, ndcg, recall};
use super::said;
use crate::Error;

/// Hits that count for the ranking.
pub(super) const DEPTH: usize = 10;

/// The budgets that context is packed into, in tokens.
const BUDGETS: [u32; 2] = [1500, 750];

/// The most that a request may ask for: no answer is to be without its embedding.
const DEADLINE_MS: u32 = 10_000;

/// The most hits that a request may ask for: what a budget holds is for the packing to say, and some 35 turns fit into
/// 1,500 tokens, more than the default limit.
const NO_LIMIT: u32 = 100;

/// More tokens than the hits of [`DEPTH`] ever have, as far as the endpoint takes it.
const NO_BUDGET: u32 = 100_000;

/// What one question came to.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) category: Category,
    pub(super) scores: Scores,
    /// Each request's time in the endpoint, in milliseconds.
    pub(super) took: Vec<f64>,
    /// Tokens of the prompts, by the endpoint's own count, for each of the budgets.
    pub(super) tokens: [u32; 2],
    pub(super) faults: Faults,
}

/// What was not as it should be.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Faults {
    /// Answers that lacked an adapter's part, though they were asked for twice.
    pub(super) degraded: usize,
    /// Prompts over their budget, by the endpoint's own count.
    pub(super) over_budget: usize,
    /// Requests without an answer: nothing was found by them.
    pub(super) failed: usize,
    /// Answered turns that do not stand whole in the prompt: they do not count as found.
    pub(super) not_whole: usize,
}

#[derive(Debug, Default, Deserialize)]
struct Context {
    items: Vec<Item>,
    prompt: String,
    tokens: u32,
    degraded: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Item {
    source: String,
    id: String,
}

/// The contents of a conversation's turns, by id.
pub(super) fn contents(conversation: &Conversation) -> BTreeMap<&str, String> {
    let sessions = conversation.sessions.iter();
    let turns = sessions.flat_map(|session| &session.turns);
    turns
        .map(|turn| (turn.id.as_str(), said::content(turn)))
        .collect()
}

/// Asks for the ranking and for both budgets.
pub(super) async fn ask(
    caller: &Caller,
    question: &Question,
    contents: &BTreeMap<&str, String>,
) -> Asked {
    let mut asked = Asked {
        category: question.category,
        scores: Scores::default(),
        took: Vec::new(),
        tokens: [0; 2],
        faults: Faults::default(),
    };
    let body = json!({
        "query": question.text,
        "limit": DEPTH,
        "maxTokens": NO_BUDGET,
        "deadlineMs": DEADLINE_MS,
    });
    let context = fetch(caller, &body, &mut asked).await;
    let ranked = context.ranked();
    asked.scores.recall_at_10 = recall(&ranked, &question.evidence);
    asked.scores.ndcg_at_10 = ndcg(&ranked, &question.evidence, DEPTH);

    let mut found = [0.0; 2];
    for (place, budget) in BUDGETS.into_iter().enumerate() {
        let body = json!({
            "query": question.text,
            "limit": NO_LIMIT,
            "maxTokens": budget,
            "deadlineMs": DEADLINE_MS,
        });
        let context = fetch(caller, &body, &mut asked).await;
        asked.tokens[place] = context.tokens;
        asked.faults.over_budget += usize::from(context.tokens > budget);
        let (whole, broken) = context.packed(&question.evidence, contents);
        asked.faults.not_whole += broken;
        found[place] = recall(&whole, &question.evidence);
    }
    [
        asked.scores.recall_at_1500_tokens,
        asked.scores.recall_at_750_tokens,
    ] = found;
    asked
}

/// The share of the evidence that stands whole in the prompt of one budget.
pub(super) async fn packed_share(
    caller: &Caller,
    question: &Question,
    contents: &BTreeMap<&str, String>,
    budget: u32,
) -> Result<f64, Error> {
    let body = json!({
        "query": question.text,
        "limit": NO_LIMIT,
        "maxTokens": budget,
        "deadlineMs": DEADLINE_MS,
    });
    let (context, _) = once(caller, &body).await?;
    let (whole, _) = context.packed(&question.evidence, contents);
    Ok(recall(&whole, &question.evidence))
}

/// One context; a missing part is given a second try. One that fails is empty, and said on stderr.
async fn fetch(caller: &Caller, body: &Value, asked: &mut Asked) -> Context {
    let mut last = once(caller, body).await;
    if matches!(&last, Ok((context, _)) if !context.degraded.is_empty()) {
        last = once(caller, body).await;
    }
    match last {
        Ok((context, took)) => {
            asked.took.extend(took);
            asked.faults.degraded += usize::from(!context.degraded.is_empty());
            context
        }
        Err(error) => {
            eprintln!("{error}");
            asked.faults.failed += 1;
            Context::default()
        }
    }
}

async fn once(caller: &Caller, body: &Value) -> Result<(Context, Option<f64>), Error> {
    let answer = caller.post("/api/context", body).await?;
    Ok((serde_json::from_value(answer.body)?, answer.took))
}

impl Context {
    /// The first hits, in rank order. What stands beside a hit was not ranked, and is none.
    fn ranked(&self) -> Vec<&str> {
        let hits = self.items.iter().filter(|item| item.source == "relevant");
        hits.map(|item| item.id.as_str()).take(DEPTH).collect()
    }

    /// The wanted turns that were packed, whatever for, and how many others of them are not whole.
    fn packed(
        &self,
        wanted: &BTreeSet<String>,
        contents: &BTreeMap<&str, String>,
    ) -> (Vec<&str>, usize) {
        let turns = self.items.iter().filter(|item| item.source != "fact");
        let answered: BTreeSet<&str> = turns
            .map(|item| item.id.as_str())
            .filter(|id| wanted.contains(*id))
            .collect();
        let (whole, broken): (Vec<&str>, Vec<&str>) = answered.into_iter().partition(|id| {
            let content = contents.get(id);
            content.is_some_and(|content| said::stands_in(content, &self.prompt))
        });
        (whole, broken.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::Context;

    fn context() -> Context {
        let item = |source: &str, id: &str| json!({ "source": source, "id": id, "score": 0.5 });
        serde_json::from_value(json!({
            "items": [
                item("relevant", "D1:3"),
                item("neighbor", "D1:2"),
                item("relevant", "D1:9"),
                item("fact", "D1:7"),
                item("recent", "D2:2"),
            ],
            "prompt": "<memory>\nuser: Ada: two\nuser: Ada: three\nuser: Ada: ni\n</memory>",
            "tokens": 20,
            "degraded": [],
            "adapters": {},
        }))
        .unwrap()
    }

    #[test]
    fn only_hits_are_ranked() {
        assert_eq!(context().ranked(), ["D1:3", "D1:9"]);
    }

    #[test]
    fn what_is_packed_counts_when_it_is_whole() {
        let wanted: BTreeSet<String> = ["D1:2", "D1:7", "D1:9", "D5:5"].map(str::to_owned).into();
        let contents = BTreeMap::from([
            ("D1:2", "Ada: two".to_owned()),
            ("D1:7", "Ada: seven".to_owned()),
            ("D1:9", "Ada: nine".to_owned()),
        ]);
        assert_eq!(context().packed(&wanted, &contents), (vec!["D1:2"], 1));
    }
}
