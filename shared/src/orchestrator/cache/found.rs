//! What a lookup finds, and what of it counts.

use serde_json::Value;

use crate::adapters::Error;
use crate::contract::answers::AdapterReport;

/// What was found.
#[derive(Debug)]
pub struct Looked {
    /// The answer's body, as it was given to [`Cache::store_snapshot`](super::Cache::store_snapshot).
    pub snapshot: Option<String>,
    /// The query's vector, of the right length, finite and normalised.
    pub embedding: Option<Vec<f32>>,
    /// What storing takes; `None` when Redis did not answer, so that it is not waited for again.
    pub ticket: Option<Ticket>,
    /// How it went.
    pub report: AdapterReport,
}

/// Where the results of one request belong: the keys, and the generation from before it was worked on.
#[derive(Debug)]
pub struct Ticket {
    pub(super) snapshot: String,
    pub(super) embedding: Option<String>,
    pub(super) request: String,
    /// `None` when what stands there is no generation; empty when nothing does.
    pub(super) generation: Option<String>,
    pub(super) came_before: bool,
}

impl Looked {
    /// Nothing was found, or looked for.
    pub(in crate::orchestrator) fn nothing(report: AdapterReport) -> Self {
        Self {
            snapshot: None,
            embedding: None,
            ticket: None,
            report,
        }
    }
}

impl Ticket {
    /// The sealed answer in a snapshot, if it is one of this request and this generation.
    pub(super) fn matching<'a>(&self, snapshot: &'a str) -> Option<&'a str> {
        let (generation, rest) = snapshot.split_once('\n')?;
        let (request, answer) = rest.split_once('\n')?;
        let is_it = Some(generation) == self.generation.as_deref() && request == self.request;
        is_it.then_some(answer)
    }
}

/// What stands under a key.
pub(super) enum Found {
    Nothing,
    Text(String),
    /// An error, or no text.
    Rubbish,
}

impl Found {
    pub(super) fn some(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Rubbish => None,
        }
    }
}

impl From<Result<Value, Error>> for Found {
    fn from(result: Result<Value, Error>) -> Self {
        match result {
            Ok(Value::String(text)) => Self::Text(text),
            Ok(Value::Null) => Self::Nothing,
            _ => Self::Rubbish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(generation: Option<&str>) -> Ticket {
        Ticket {
            snapshot: String::new(),
            embedding: None,
            request: "hash".to_owned(),
            generation: generation.map(str::to_owned),
            came_before: false,
        }
    }

    #[test]
    fn a_snapshot_counts_for_its_own_request_and_generation_only() {
        assert_eq!(
            ticket(Some("1")).matching("1\nhash\nans\nwer"),
            Some("ans\nwer")
        );
        assert_eq!(ticket(Some("")).matching("\nhash\nx"), Some("x"));
        for (generation, snapshot) in [
            (Some("2"), "1\nhash\n{}"),
            (Some(""), "1\nhash\n{}"),
            (Some("1"), "\nhash\n{}"),
            (Some("1"), "1\nother\n{}"),
            (Some("1"), "rubbish"),
            (Some("1"), ""),
            (None, "\nhash\n{}"),
        ] {
            let found = ticket(generation).matching(snapshot);
            assert_eq!(found, None, "{generation:?} {snapshot}");
        }
    }
}
