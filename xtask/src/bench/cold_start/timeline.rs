//! What a function does while it starts, read from its own log.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::samples::Samples;
use super::super::table::{Cell, Table};
use super::start::Log;
use crate::Error;

/// What ends where, in the order of the table: a line's message, or the name of the span that it
/// closes.
const MOMENTS: [(&str, &str); 7] = [
    (
        "logging",
        "the process is up: exec, linking, the async runtime",
    ),
    (
        "configured",
        "configuration read, Postgres's TLS connector built",
    ),
    (
        "qstash ready",
        "warm-up: TCP, TLS, and a HEAD answered by QStash",
    ),
    (
        "postgres ready",
        "warm-up: TCP, TLS, SCRAM, ready for a query",
    ),
    ("adapter.supabase", "the turn is committed"),
    ("adapter.upstash", "the job is published"),
    ("memory.intent", "the request is handled"),
];

/// Milliseconds since spawn at which each thing was done.
#[derive(Default)]
pub(super) struct Timeline {
    moments: [Samples; MOMENTS.len()],
    began: Samples,
    answered: Samples,
}

impl Timeline {
    /// Reads the log of one start, whose answer was there so many milliseconds after the spawn.
    pub(super) fn read(&mut self, answered: f64, log: &Log) -> Result<(), Error> {
        let spawned = OffsetDateTime::from(log.spawned);
        for line in log.text.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let said = match line["message"].as_str() {
                Some("close") => line["span"]["name"].as_str(),
                message => message,
            };
            let Some(place) = MOMENTS.iter().position(|(moment, _)| Some(*moment) == said) else {
                continue;
            };
            let at = line["timestamp"].as_str().unwrap_or_default();
            let at = OffsetDateTime::parse(at, &Rfc3339)? - spawned;
            let at = at.as_seconds_f64() * 1e3;
            self.moments[place].push(at);
            if said == Some("memory.intent") {
                let took = line["span"]["duration_ms"].as_f64().unwrap_or_default();
                self.began.push(at - took);
            }
        }
        self.answered.push(answered);
        Ok(())
    }

    pub(super) fn table(&self) -> Table {
        let title = format!(
            "Where the time of a first turn goes: {} more starts",
            self.answered.len()
        );
        let mut table = Table::new(title, ["after spawn, p50", "what is done"]);
        let mut lines: Vec<(f64, &str)> = MOMENTS
            .iter()
            .zip(&self.moments)
            .filter(|(_, samples)| samples.len() > 0)
            .map(|((_, what), samples)| (samples.median(), *what))
            .collect();
        lines.push((self.began.median(), "the request has come in and is read"));
        lines.push((self.answered.median(), "the client has the answer"));
        lines.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (at, what) in lines {
            table.row([Cell::Milliseconds(at), what.into()]);
        }
        table
    }
}
