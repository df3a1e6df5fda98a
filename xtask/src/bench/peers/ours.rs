//! Our side: the functions' own processes, over HTTP, as an app calls them.

use std::time::Instant;

use devstack::functions::Host;
use devstack::stack::Stack;
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Handle;

use super::super::client::{Answer, Connection};
use super::super::function;
use super::super::recall::said;
use super::super::samples::Samples;
use super::contender::{Contender, LIMIT, Took};
use super::talk::{Asked, Said, Talk};
use crate::Error;

/// No answer is to be without its embedding.
const DEADLINE_MS: u32 = 10_000;

/// So that all hits come, however long they are.
const NO_BUDGET: u32 = 100_000;

/// The functions, each over a connection that is kept.
pub(super) struct Ours<'a> {
    stack: &'a Stack,
    runtime: Handle,
    turns: Connection,
    context: Connection,
    /// Access tokens, by user.
    tokens: Vec<String>,
    parts: Vec<(&'static str, String, Samples)>,
}

#[derive(Deserialize)]
struct Context {
    items: Vec<Item>,
    degraded: Vec<String>,
}

#[derive(Deserialize)]
struct Item {
    source: String,
    id: String,
}

impl<'a> Ours<'a> {
    pub(super) fn new(stack: &'a Stack, talk: &Talk, runtime: Handle) -> Result<Self, Error> {
        let connect = |function: &str| Connection::to(&stack.functions.url(function)?);
        let users = talk.users.iter();
        Ok(Self {
            stack,
            runtime,
            turns: connect("turns")?,
            context: connect("context")?,
            tokens: users
                .map(|user| stack.user_token(user.id))
                .collect::<Result<_, _>>()?,
            parts: Vec::new(),
        })
    }

    /// Keeps where an answer's time went.
    fn note(&mut self, call: &'static str, answer: &Answer) {
        for (name, took) in answer.timing.parts() {
            let known = self
                .parts
                .iter()
                .position(|(of, part, _)| *of == call && part == name);
            let place = known.unwrap_or_else(|| {
                self.parts.push((call, name.to_owned(), Samples::default()));
                self.parts.len() - 1
            });
            self.parts[place].2.push(took);
        }
    }
}

impl Contender for Ours<'_> {
    fn name(&self) -> &'static str {
        "ours: the endpoint, over HTTP"
    }

    fn record(&mut self, said: &Said<'_>) -> Result<Took, Error> {
        let turn = said::body(said.turn, said.at)?;
        let body = json!({ "sessionId": said.session, "turns": [turn] }).to_string();
        let token = Some(self.tokens[said.user].as_str());
        let request = function::request(Host::Vercel, "POST", "/api/turns", token, &body);
        let begun = Instant::now();
        let answer = self.turns.send(&request)?;
        let took = took(begun, &answer);
        self.note("POST /api/turns", &answer);
        answer.expect(&[201])?;
        Ok(took)
    }

    fn search(&mut self, asked: &Asked<'_>) -> Result<(Took, Vec<String>), Error> {
        let body = json!({
            "query": asked.question.text,
            "limit": LIMIT,
            "maxTokens": NO_BUDGET,
            "deadlineMs": DEADLINE_MS,
        });
        let token = Some(self.tokens[asked.user].as_str());
        let request = function::request(
            Host::Vercel,
            "POST",
            "/api/context",
            token,
            &body.to_string(),
        );
        let begun = Instant::now();
        let answer = self.context.send(&request)?;
        let took = took(begun, &answer);
        self.note("POST /api/context", &answer);
        let context: Context = serde_json::from_slice(&answer.expect(&[200])?.body)?;
        if !context.degraded.is_empty() {
            return Err(format!("the context lacks {:?}", context.degraded).into());
        }
        let hits = context.items.into_iter();
        let hits = hits.filter(|item| item.source == "relevant");
        Ok((took, hits.map(|item| item.id).take(LIMIT).collect()))
    }

    fn parts(&self) -> Vec<(&'static str, String, Samples)> {
        self.parts.clone()
    }

    /// Waits for the job that embeds.
    fn settle(&mut self) -> Result<f64, Error> {
        let begun = Instant::now();
        self.runtime.block_on(self.stack.qstash.idle());
        Ok(begun.elapsed().as_secs_f64() * 1e3)
    }
}

/// What the caller saw, and what of it `server-timing` says was the embedder's.
fn took(begun: Instant, answer: &Answer) -> Took {
    let all = begun.elapsed().as_secs_f64() * 1e3;
    Took {
        all,
        embedder: answer.timing.of("embeddings").unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::super::client::Answer;
    use super::super::super::timing::ServerTiming;
    use super::took;

    #[test]
    fn the_embedders_part_is_read_from_server_timing() {
        let answer = |timing: &str| Answer {
            timing: ServerTiming::new(timing),
            ..Answer::default()
        };
        for (timing, expected) in [
            ("total;dur=3.5, supabase;dur=2, embeddings;dur=1.25", 1.25),
            ("total;dur=3.5", 0.0),
        ] {
            let embedder = took(Instant::now(), &answer(timing)).embedder;
            assert!((embedder - expected).abs() < 1e-9, "{timing}: {embedder}");
        }
    }
}
