//! Fits a context into a budget of tokens and writes it as a prompt.

mod alike;
mod block;
mod line;
mod name;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashSet;

use time::Date;

use self::alike::{Said, Words};
use self::block::Block;
use crate::contract::answers::{ContextItem, Source};

/// What an item needs beside its wire form to be put in order of time.
#[derive(Debug)]
pub struct Candidate {
    /// As it is answered.
    pub item: ContextItem,
    /// Its place in its session.
    pub seq: u32,
    /// When it was said, as the caller counts days. A fact's stands nowhere.
    pub day: Date,
}

/// The items that fit, still in rank order, and the prompt that holds them in order of time.
#[derive(Debug)]
pub struct Packed {
    /// In rank order.
    pub items: Vec<ContextItem>,
    /// Facts, then the oldest session first, each in its own order; empty without items.
    pub prompt: String,
    /// [`tokens::bound`](super::tokens::bound) of the prompt.
    pub tokens: u32,
}

/// Takes candidates in rank order for as long as the prompt stays within `max_tokens`.
///
/// Left out is a turn that is there already, and what says the same as something better ranked by the same speaker;
/// where two have the same score the newer one stays. What does not fit is passed over, so that a single huge turn does not
/// empty the context.
pub fn pack(mut candidates: Vec<Candidate>, max_tokens: u32) -> Packed {
    let equals = candidates.chunk_by_mut(|one, next| one.item.score == next.item.score);
    for equals in equals {
        equals.sort_by_key(|candidate| Reverse(candidate.item.created_at.0));
    }
    let mut items: Vec<ContextItem> = Vec::new();
    let Some(mut block) = Block::of(max_tokens) else {
        return Packed {
            items,
            prompt: String::new(),
            tokens: 0,
        };
    };
    let mut turns = HashSet::new();
    let mut said = Said::nothing();
    for candidate in candidates {
        let item = &candidate.item;
        // Of one turn there may be several facts.
        let turn = item.turn_id.filter(|_| item.source != Source::Fact);
        if turn.is_some_and(|turn| turns.contains(&turn)) {
            continue;
        }
        let Some(fit) = block.fit(&candidate) else {
            continue;
        };
        let words = Words::of(&item.text);
        if said.has(&words, |place| is_same_speaker(&items[*place], item)) {
            continue;
        }
        block.put(&candidate, fit);
        said.add(items.len(), words);
        turns.extend(turn);
        items.push(candidate.item);
    }
    let (prompt, tokens) = block.written();
    Packed {
        items,
        prompt,
        tokens,
    }
}

/// A fact is about what was said, whoever said it.
fn is_same_speaker(one: &ContextItem, other: &ContextItem) -> bool {
    let is_fact = [one, other].map(|item| item.source == Source::Fact);
    is_fact.contains(&true) || (one.role, &one.name) == (other.role, &other.name)
}
