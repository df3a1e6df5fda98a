//! What libFuzzer prints.

use std::fmt;

/// Lines that are kept of the end, for an error: a panic's, and where it was.
const KEPT: usize = 8;

/// What was learnt from its lines so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Inputs that were tried.
    pub(super) executions: i64,
    /// Branches that were taken at least once.
    pub(super) edges: i64,
    /// Branches, how often they were taken, and comparisons.
    pub(super) features: i64,
    /// Inputs that each showed something new.
    pub(super) corpus: i64,
    /// Where the input was put that it could not take.
    pub(super) found: Option<String>,
    /// The first lines of a finding.
    pub(super) last: Vec<String>,
}

impl Said {
    /// Takes a line: `#1024 NEW cov: 444 ft: 1860 corp: 305/58Kb lim: 535 exec/s: 20586 …`, or of the end.
    pub(super) fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let [first, rest @ ..] = words.as_slice()
            && let Some(executions) = first.strip_prefix('#').and_then(number)
        {
            self.executions = executions;
            for pair in rest.windows(2) {
                match (pair[0], number(pair[1])) {
                    ("cov:", Some(edges)) => self.edges = edges,
                    ("ft:", Some(features)) => self.features = features,
                    ("corp:", Some(inputs)) => self.corpus = inputs,
                    _ => {}
                }
            }
        } else if let Some((_, path)) = line.split_once("Test unit written to ") {
            self.found = Some(path.trim().to_owned());
        } else if let Some(executions) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = number(executions.trim()).unwrap_or(self.executions);
        } else if self.last.len() < KEPT
            && (!self.last.is_empty() || line.contains("panicked at") || line.contains("ERROR"))
        {
            self.last.push(line.to_owned());
        }
    }
}

/// The digits that a word begins with.
fn number(word: &str) -> Option<i64> {
    let end = word.find(|c: char| !c.is_ascii_digit());
    word.get(..end.unwrap_or(word.len()))?.parse().ok()
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edges, corpus) = (self.edges, self.corpus);
        write!(
            f,
            "{} executions, {edges} edges, corpus {corpus}",
            self.executions
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_findings_are_read() {
        let mut said = Said::default();
        for line in [
            "INFO: Seed: 4102930218",
            "#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 28Mb",
            "#185279\tNEW    cov: 444 ft: 1860 corp: 305/58Kb lim: 535 exec/s: 20586 rss: 28Mb L: 9/9 MS: 1 x-",
        ] {
            said.line(line);
        }
        assert_eq!(said.to_string(), "185279 executions, 444 edges, corpus 305");
        assert!(said.last.is_empty() && said.features == 1860);
        for line in [
            "thread '<unnamed>' (1) panicked at shared/src/fuzz/packer.rs:25:5:",
            "a turn twice",
            "SUMMARY: libFuzzer: deadly signal",
            "artifact_prefix='x/'; Test unit written to x/crash-01",
            "stat::number_of_executed_units: 185300",
        ] {
            said.line(line);
        }
        assert_eq!(said.found.as_deref(), Some("x/crash-01"));
        assert_eq!((said.last.len(), said.executions), (3, 185_300));
    }
}
