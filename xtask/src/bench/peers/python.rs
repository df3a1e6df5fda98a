//! A peer that is a library of Python's: a process of its own that calls it, over pgvector.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use devstack::embedder::minilm;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::recall::said;
use super::contender::{Contender, LIMIT, Took};
use super::talk::{Asked, Said};
use crate::Error;

const SCRIPT: &str = include_str!("peers.py");

/// Where a peer finds things.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    /// The folder of [`super::packages`].
    pub(super) packages: PathBuf,
    /// With `/v1`.
    pub(super) embedder_url: String,
    /// Takes logs and what a library keeps in files.
    pub(super) folder: PathBuf,
}

/// A running peer. It ends with its input, so also when this process does.
pub(super) struct Python {
    name: &'static str,
    users: Vec<Uuid>,
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    log: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    ms: f64,
    #[serde(default)]
    embedder_ms: f64,
    #[serde(default)]
    ids: Vec<String>,
    error: Option<String>,
}

impl Python {
    /// Starts `mem0` or `langgraph` over an empty database, given by its owner's URL. Ready when it returns:
    /// importing takes some seconds.
    pub(super) fn start(
        peer: &str,
        name: &'static str,
        database_url: &str,
        users: &[Uuid],
        around: &Surroundings,
    ) -> Result<Self, Error> {
        let folder = around.folder.join(peer);
        fs::create_dir_all(&folder)?;
        let log = folder.join("log");
        let mut process = Command::new("python3")
            .args(["-c", SCRIPT])
            .env("PYTHONPATH", &around.packages)
            .env("PEER", peer)
            .env("DATABASE_URL", database_url)
            .env("EMBEDDER_URL", &around.embedder_url)
            .env("MODEL", minilm::NAME)
            .env("DIMENSIONS", minilm::DIMENSIONS.to_string())
            .env("LIMIT", LIMIT.to_string())
            .env("STATE", &folder)
            // They would tell their makers of each call, and prefer another provider or a proxy where the
            // machine has one.
            .env("MEM0_TELEMETRY", "False")
            .env("MEM0_DIR", &folder)
            .env("LANGSMITH_TRACING", "false")
            .env("NO_PROXY", "*")
            .env_remove("OPENROUTER_API_KEY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(File::create(&log)?))
            .spawn()?;
        let answers = process.stdout.take().ok_or("no output")?;
        let mut python = Self {
            name,
            users: users.to_vec(),
            requests: process.stdin.take(),
            process,
            answers: BufReader::new(answers),
            log,
        };
        python.answer()?;
        Ok(python)
    }

    fn call(&mut self, request: &Value) -> Result<(Took, Vec<String>), Error> {
        if let Some(requests) = &mut self.requests {
            writeln!(requests, "{request}")?;
        }
        let answer = self.answer()?;
        let took = Took {
            all: answer.ms,
            embedder: answer.embedder_ms,
        };
        Ok((took, answer.ids))
    }

    fn answer(&mut self) -> Result<Answer, Error> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            return Err(format!("{} ended:\n{}", self.name, end_of(&self.log)).into());
        }
        let answer: Answer = serde_json::from_str(&line)?;
        match answer.error {
            Some(error) => Err(format!("{}: {error}", self.name).into()),
            None => Ok(answer),
        }
    }
}

impl Contender for Python {
    fn name(&self) -> &'static str {
        self.name
    }

    fn record(&mut self, said: &Said<'_>) -> Result<Took, Error> {
        let request = json!({ "record": {
            "user": self.users[said.user],
            "id": said.turn.id,
            "text": said::told(said.turn),
        } });
        Ok(self.call(&request)?.0)
    }

    fn search(&mut self, asked: &Asked<'_>) -> Result<(Took, Vec<String>), Error> {
        self.call(&json!({ "search": {
            "user": self.users[asked.user],
            "query": asked.question.text,
        } }))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.requests.take());
        let _ = self.process.wait();
    }
}

/// The last lines that it wrote.
fn end_of(log: &Path) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
