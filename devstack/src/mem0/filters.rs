//! Which memories a filter matches, and how well one answers a query.

use std::collections::HashSet;

use serde_json::Value;

use super::store::Memory;

/// The platform's filters: `AND`, `OR` and `NOT`, entities, and `metadata`. `Err` names a key that it
/// would refuse, or that the fake does not know.
pub(super) fn matches(filter: &Value, memory: &Memory) -> Result<bool, String> {
    let Some(filter) = filter.as_object() else {
        return Err("filters".to_owned());
    };
    for (key, wanted) in filter {
        let several = || wanted.as_array().into_iter().flatten();
        let holds = match key.as_str() {
            "AND" => try_all(several(), memory)?,
            "OR" => try_any(several(), memory)?,
            "NOT" => !matches(wanted, memory)?,
            "user_id" => is(wanted, memory.user_id.as_deref()),
            "run_id" => is(wanted, memory.run_id.as_deref()),
            "agent_id" | "app_id" => false,
            "metadata" => wanted.as_object().is_some_and(|pairs| {
                pairs
                    .iter()
                    .all(|(key, value)| memory.metadata.get(key) == Some(value))
            }),
            other => return Err(other.to_owned()),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

fn try_all<'a>(
    mut filters: impl Iterator<Item = &'a Value>,
    memory: &Memory,
) -> Result<bool, String> {
    filters.try_fold(true, |all, filter| Ok(matches(filter, memory)? && all))
}

fn try_any<'a>(
    mut filters: impl Iterator<Item = &'a Value>,
    memory: &Memory,
) -> Result<bool, String> {
    filters.try_fold(false, |any, filter| Ok(matches(filter, memory)? || any))
}

fn is(wanted: &Value, actual: Option<&str>) -> bool {
    match wanted {
        Value::String(any) if any == "*" => actual.is_some(),
        Value::String(wanted) => actual == Some(wanted),
        _ => false,
    }
}

/// The server's filters: each key is one of the memory, or of its metadata.
pub(super) fn matches_plainly(filter: &Value, memory: &Memory) -> bool {
    filter.as_object().is_none_or(|filter| {
        filter.iter().all(|(key, wanted)| match key.as_str() {
            "user_id" => is(wanted, memory.user_id.as_deref()),
            "run_id" => is(wanted, memory.run_id.as_deref()),
            _ => memory.metadata.get(key) == Some(wanted),
        })
    })
}

/// The share of the query's words that a text has.
pub(super) fn score(query: &str, text: &str) -> f64 {
    let (query, text) = (words(query), words(text));
    if query.is_empty() {
        return 0.0;
    }
    query.intersection(&text).count() as f64 / query.len() as f64
}

fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The memories that match, best first, each with its score.
pub(super) fn ranked(
    memories: Vec<Memory>,
    query: &str,
    threshold: f64,
    top: usize,
) -> Vec<(f64, Memory)> {
    let mut ranked: Vec<_> = memories
        .into_iter()
        .map(|memory| (score(query, &memory.text), memory))
        .filter(|(score, _)| *score >= threshold)
        .collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranked.truncate(top);
    ranked
}
