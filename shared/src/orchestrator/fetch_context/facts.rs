//! What Mem0 knows, and its place among the turns.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::wanted::Wanted;
use crate::adapters::mem0::Fact;
use crate::contract::answers::{AdapterReport, ContextItem, Source};
use crate::contract::bodies::Role;
use crate::contract::scalars::Moment;
use crate::domain::ids::UserId;
use crate::domain::packing::Candidate;
use crate::orchestrator::App;
use crate::orchestrator::report::reported;
use crate::redact::Redactor;

/// How many facts Mem0 is asked for.
const FACTS: u32 = 5;

/// The facts that are nearest to the query, when they are wanted and come in time.
pub(super) async fn find_facts(
    app: &App,
    user: UserId,
    wanted: &Wanted,
) -> (Vec<Fact>, AdapterReport) {
    let (Some(mem0), Some(query)) = (&app.mem0, &wanted.facts) else {
        return (Vec::new(), AdapterReport::skipped());
    };
    let (facts, report) = reported(mem0.search(user, query, FACTS, wanted.budget.parts)).await;
    (facts.unwrap_or_default(), report)
}

/// Puts facts among the turns by their score; one that says what stands there already adds nothing.
pub(super) fn add_facts(redactor: &Redactor, candidates: &mut Vec<Candidate>, facts: Vec<Fact>) {
    if facts.is_empty() {
        return;
    }
    let mut known: HashSet<String> = candidates
        .iter()
        .map(|candidate| said(redactor, &candidate.item.text))
        .collect();
    for fact in facts {
        if !known.insert(said(redactor, &fact.text)) {
            continue;
        }
        let fact = candidate(fact);
        let score = fact.item.score;
        let place = candidates.partition_point(|known| known.item.score >= score);
        candidates.insert(place, fact);
    }
}

/// What counts of a text when two are compared: Mem0 knows a turn as it was redacted, with the numbers of its
/// session.
fn said(redactor: &Redactor, text: &str) -> String {
    redactor.redact(text).unnumbered().trim().to_lowercase()
}

fn candidate(fact: Fact) -> Candidate {
    let at = fact.created_at.unwrap_or_else(OffsetDateTime::now_utc);
    Candidate {
        seq: 0,
        day: at.date(),
        item: ContextItem {
            source: Source::Fact,
            turn_id: fact.turn,
            id: fact.id,
            session_id: fact.session.map(|session| session.to_string()),
            role: Role::System,
            name: None,
            text: fact.text,
            score: (fact.score.clamp(0.0, 1.0) * 1e6).round() / 1e6,
            created_at: Moment(at),
            parts: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(text: &str, score: f64) -> Fact {
        Fact {
            id: format!("id of {text}"),
            text: text.to_owned(),
            score,
            turn: None,
            session: None,
            created_at: None,
        }
    }

    fn turn(text: &str, score: f64) -> Candidate {
        let mut turn = candidate(fact(text, score));
        turn.item.source = Source::Relevant;
        turn
    }

    /// The texts in the order of rank once the facts are among the turns.
    fn ranked(turns: &[(&str, f64)], facts: &[(&str, f64)]) -> Vec<String> {
        let mut candidates: Vec<_> = turns.iter().map(|(text, s)| turn(text, *s)).collect();
        let facts = facts.iter().map(|(text, s)| fact(text, *s)).collect();
        add_facts(&Redactor::default(), &mut candidates, facts);
        candidates
            .into_iter()
            .map(|candidate| candidate.item.text)
            .collect()
    }

    #[test]
    fn facts_stand_where_their_score_puts_them_and_behind_a_turn_of_the_same() {
        let turns = [("first", 0.9), ("second", 0.5), ("third", 0.1)];
        let facts = [("best", 1.7), ("middle", 0.5), ("worst", f64::MIN)];
        assert_eq!(
            ranked(&turns, &facts),
            ["best", "first", "second", "middle", "third", "worst"]
        );
        assert_eq!(ranked(&[], &facts), ["best", "middle", "worst"]);
        assert_eq!(ranked(&turns, &[]), ["first", "second", "third"]);
    }

    #[test]
    fn a_fact_that_says_what_stands_there_already_adds_nothing() {
        let turns = [("I like tea.", 0.9), ("Write to ana@example.com", 0.2)];
        let facts = [
            ("i LIKE tea. ", 1.0),
            ("Write to [EMAIL_3]", 0.8),
            ("Likes tea", 0.7),
            ("likes tea", 0.6),
        ];
        assert_eq!(
            ranked(&turns, &facts),
            ["I like tea.", "Likes tea", "Write to ana@example.com"]
        );
    }
}
