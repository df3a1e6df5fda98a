//! What is said at the end: a table for a person, one line of JSON for a script.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::samples::Samples;
use super::super::table::{Cell, Report, Table};
use super::ask::{Asked, Faults};
use super::dataset::{Category, Dataset};
use super::metrics::Scores;

/// What was measured, in which surroundings.
pub(super) struct Measured<'a> {
    pub(super) dataset: &'a Dataset,
    pub(super) embedder: &'static str,
    pub(super) host: String,
    pub(super) concurrency: usize,
    pub(super) asked: Vec<Asked>,
    /// Texts that MiniLM embedded in this run; those of earlier runs are known.
    pub(super) computed: Option<usize>,
    /// Recording, embedding included, and asking.
    pub(super) seconds: [f64; 2],
}

/// The line of `--json`. Figures are percent; times are milliseconds unless they say otherwise.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    #[serde(flatten)]
    all: Figures,
    turns: usize,
    conversations: usize,
    embedder: &'static str,
    host: String,
    /// By the paper's name of the category; one without questions is not there.
    categories: BTreeMap<&'static str, Figures>,
    questions_without_evidence: usize,
    unknown_evidence: usize,
    context_p50_ms: f64,
    context_p95_ms: f64,
    mean_tokens_of_1500: f64,
    mean_tokens_of_750: f64,
    degraded: usize,
    failed: usize,
    over_budget: usize,
    not_whole: usize,
    recording_seconds: f64,
    asking_seconds: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    recall_at10: f64,
    ndcg_at10: f64,
    recall_at1500_tokens: f64,
    recall_at750_tokens: f64,
    questions: usize,
}

impl Figures {
    fn of<'a>(asked: impl Iterator<Item = &'a Asked>) -> Self {
        let scores: Vec<Scores> = asked.map(|asked| asked.scores).collect();
        let mean = Scores::mean(&scores);
        let percent = |share: f64| rounded(100.0 * share);
        Self {
            recall_at10: percent(mean.recall_at_10),
            ndcg_at10: percent(mean.ndcg_at_10),
            recall_at1500_tokens: percent(mean.recall_at_1500_tokens),
            recall_at750_tokens: percent(mean.recall_at_750_tokens),
            questions: scores.len(),
        }
    }

    fn row(&self, name: &str) -> [Cell; 6] {
        [
            name.into(),
            Cell::Count(i64::try_from(self.questions).unwrap_or(i64::MAX)),
            Cell::Percent(self.recall_at10),
            Cell::Percent(self.ndcg_at10),
            Cell::Percent(self.recall_at1500_tokens),
            Cell::Percent(self.recall_at750_tokens),
        ]
    }
}

impl Summary {
    pub(super) fn of(measured: &Measured<'_>) -> Self {
        let asked = &measured.asked;
        let mut took = Samples::default();
        for milliseconds in asked.iter().flat_map(|asked| &asked.took) {
            took.push(*milliseconds);
        }
        let tokens = |place: usize| {
            let sum: f64 = asked
                .iter()
                .map(|asked| f64::from(asked.tokens[place]))
                .sum();
            rounded(sum / asked.len().max(1) as f64)
        };
        let faults = |of: fn(&Faults) -> usize| asked.iter().map(|asked| of(&asked.faults)).sum();
        let of_category = |category: Category| {
            let those = asked.iter().filter(move |asked| asked.category == category);
            (category.name(), Figures::of(those))
        };
        let categories = Category::ALL.into_iter().map(of_category);
        Self {
            all: Figures::of(asked.iter()),
            turns: measured.dataset.turns(),
            conversations: measured.dataset.conversations.len(),
            embedder: measured.embedder,
            host: measured.host.clone(),
            categories: categories
                .filter(|(_, figures)| figures.questions > 0)
                .collect(),
            questions_without_evidence: measured.dataset.without_evidence,
            unknown_evidence: measured.dataset.unknown_evidence,
            context_p50_ms: rounded(took.median()),
            context_p95_ms: rounded(took.percentile(95)),
            mean_tokens_of_1500: tokens(0),
            mean_tokens_of_750: tokens(1),
            degraded: faults(|faults| faults.degraded),
            failed: faults(|faults| faults.failed),
            over_budget: faults(|faults| faults.over_budget),
            not_whole: faults(|faults| faults.not_whole),
            recording_seconds: rounded(measured.seconds[0]),
            asking_seconds: rounded(measured.seconds[1]),
        }
    }

    pub(super) fn report(&self, measured: &Measured<'_>) -> Report {
        let title = format!(
            "Turns that answer, of {} turns in {} conversations, embedder {}",
            self.turns, self.conversations, self.embedder
        );
        let columns = [
            "questions",
            "count",
            "R@10",
            "nDCG@10",
            "in 1,500 tokens",
            "in 750 tokens",
        ];
        let mut table = Table::new(title, columns);
        for category in Category::ALL {
            if let Some(figures) = self.categories.get(category.name()) {
                table.row(figures.row(category.name()));
            }
        }
        table.row(self.all.row("all"));
        let mut times = Table::new(
            format!(
                "POST /api/context on {}, {} at once, in the endpoint",
                self.host, measured.concurrency
            ),
            ["requests", "p50", "p95"],
        );
        let requests: usize = measured.asked.iter().map(|asked| asked.took.len()).sum();
        times.row([
            Cell::Count(i64::try_from(requests).unwrap_or(i64::MAX)),
            Cell::Milliseconds(self.context_p50_ms),
            Cell::Milliseconds(self.context_p95_ms),
        ]);
        Report {
            tables: vec![table, times],
            notes: self.notes(measured.computed),
        }
    }

    /// Requests that came to nothing.
    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    fn notes(&self, computed: Option<usize>) -> Vec<String> {
        let mut notes = vec![
            format!(
                "Of 1,500 tokens {:.0} were used in the mean, of 750 {:.0}.",
                self.mean_tokens_of_1500, self.mean_tokens_of_750
            ),
            format!(
                "Recorded and embedded in {:.0} s, asked in {:.0} s; functions of the development profile.",
                self.recording_seconds, self.asking_seconds
            ),
        ];
        if let Some(computed) = computed {
            notes.push(format!(
                "MiniLM embedded {computed} texts; what it knew of earlier requests took it no time."
            ));
        }
        for (count, what) in [
            (
                self.questions_without_evidence,
                "questions name no turn that exists, and were not asked",
            ),
            (
                self.unknown_evidence,
                "ids in the evidence name no turn, and were left out",
            ),
            (
                self.degraded,
                "answers were degraded twice, and count as they are",
            ),
            (self.failed, "requests failed, and found nothing"),
            (self.over_budget, "prompts were over their budget"),
            (
                self.not_whole,
                "turns were answered that do not stand whole in the prompt: not found",
            ),
        ] {
            if count > 0 {
                notes.push(format!("{count} {what}."));
            }
        }
        notes
    }
}

/// To two decimals.
fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::super::ask::{Asked, Faults};
    use super::super::dataset::{Category, Dataset};
    use super::super::metrics::Scores;
    use super::{Measured, Summary};

    fn asked(category: Category, share: f64) -> Asked {
        Asked {
            category,
            scores: Scores {
                recall_at_10: share,
                ndcg_at_10: share / 2.0,
                recall_at_1500_tokens: 1.0,
                recall_at_750_tokens: share,
            },
            took: vec![3.0, 4.0, 5.0],
            tokens: [1000, 700],
            faults: Faults {
                degraded: 1,
                ..Faults::default()
            },
        }
    }

    #[test]
    fn the_line_has_percents_for_all_and_for_each_category() {
        let measured = Measured {
            dataset: &Dataset::default(),
            embedder: "minilm",
            host: "vercel".to_owned(),
            concurrency: 2,
            asked: vec![
                asked(Category::Temporal, 1.0),
                asked(Category::Temporal, 0.0),
                asked(Category::SingleHop, 1.0),
            ],
            computed: None,
            seconds: [1.0, 2.0],
        };
        let summary = Summary::of(&measured);
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["recallAt10"], 66.67);
        assert_eq!(json["ndcgAt10"], 33.33);
        assert_eq!(json["recallAt1500Tokens"], 100.0);
        assert_eq!(json["recallAt750Tokens"], 66.67);
        assert_eq!(json["questions"], 3);
        assert_eq!(json["categories"]["temporal"]["recallAt10"], 50.0);
        assert_eq!(json["categories"]["single-hop"]["questions"], 1);
        assert_eq!(json["categories"].as_object().unwrap().len(), 2);
        assert_eq!(json["degraded"], 3);
        assert_eq!(json["contextP50Ms"], 4.0);
        let table = summary.report(&measured).to_string();
        assert!(
            table.contains("66.7%") && table.contains("degraded twice"),
            "{table}"
        );
    }
}
