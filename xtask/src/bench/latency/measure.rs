//! The measuring itself, on a thread of its own.

use std::time::Instant;

use devstack::functions::Host;
use devstack::stack::Stack;
use serde_json::json;
use uuid::Uuid;

use super::super::client::{Answer, Connection, Request};
use super::super::samples::Samples;
use super::super::timing::ServerTiming;
use super::super::{database, function, progress};
use super::Questions;
use super::bare::{Bare, Query};
use crate::Error;

/// A turn of some 200 characters.
const TEXT: &str = "When we spoke last week about the trip to Lisbon, I said that I prefer trains to \
planes and small hotels near the river; has anything changed about the dates, or shall I book it?";

/// Whose turns are recorded; [`database::seed`] removes them.
const RECORDING: Uuid = Uuid::from_u128(51);

pub(super) struct Plan {
    pub(super) host: Host,
    pub(super) blocks: usize,
    pub(super) requests: usize,
    pub(super) database_url: String,
    pub(super) questions: Questions,
}

/// One kind of request, on each side.
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) bare: Samples,
    pub(super) direct: Samples,
    pub(super) routed: Samples,
    /// Where the direct requests' time went.
    pub(super) parts: Vec<(String, Samples)>,
    block: usize,
}

impl Measured {
    fn new(name: &'static str, block: usize) -> Self {
        let (bare, direct, routed) = Default::default();
        Self {
            name,
            bare,
            direct,
            routed,
            parts: Vec::new(),
            block,
        }
    }

    /// The least and the greatest of the blocks' own ratios.
    pub(super) fn span_of_ratios(&self, side: &Samples) -> String {
        let ratios: Vec<f64> = side
            .blocks(self.block)
            .zip(self.bare.blocks(self.block))
            .map(|(side, bare)| side.median() / bare.median())
            .collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        format!("{least:.2} to {most:.2}")
    }

    /// Where an answer's time went, and what is left on either side of that.
    fn note(&mut self, seen: f64, timing: &ServerTiming) {
        let mut rest = 0.0;
        let mut parts = Vec::new();
        for (name, duration) in timing.parts() {
            if name == "total" {
                parts.push(("the host's runtime and HTTP".to_owned(), seen - duration));
                rest += duration;
            } else {
                rest -= duration;
                parts.push((format!("the adapter {name}"), duration));
            }
        }
        parts.push(("our own code".to_owned(), rest));
        for (name, duration) in parts {
            let known = self.parts.iter().position(|(part, _)| *part == name);
            let place = known.unwrap_or_else(|| {
                self.parts.push((name, Samples::default()));
                self.parts.len() - 1
            });
            self.parts[place].1.push(duration);
        }
    }
}

/// The three ways to the database.
struct Sides<'a> {
    stack: &'a Stack,
    plan: &'a Plan,
    bare: Bare,
}

/// The two ways to a function.
struct Ways {
    direct: Connection,
    routed: Connection,
}

pub(super) fn measure(stack: &Stack, plan: &Plan) -> Result<Vec<Measured>, Error> {
    let sides = Sides {
        stack,
        plan,
        bare: Bare::connect(&plan.database_url)?,
    };
    Ok(vec![sides.turns()?, sides.context()?])
}

impl Sides<'_> {
    fn turns(&self) -> Result<Measured, Error> {
        let token = self.stack.user_token(RECORDING)?;
        let mut ways = self.ways("turns")?;
        let mut measured = Measured::new("POST /api/turns", self.plan.requests);
        let body = |session: Uuid| {
            let turn = json!({ "id": Uuid::new_v4(), "role": "user", "content": TEXT });
            json!({ "sessionId": session, "turns": [turn] }).to_string()
        };
        // The first round warms up and is not kept.
        let bar = progress(self.plan.blocks + 1, "POST /api/turns")?;
        for block in 0..=self.plan.blocks {
            let sessions = [(); 3].map(|()| Uuid::new_v4());
            let mut round = Measured::new("", 0);
            for _ in 0..self.plan.requests {
                let (time, _) = self.timed(|| self.bare.record(RECORDING, sessions[0], TEXT))?;
                round.bare.push(time);

                // Each side is to follow a job, which is hard on the processor's caches, and bare leaves none.
                let mut routed = || {
                    let body = body(sessions[2]);
                    let request = Request::new("POST", "/api/turns", Some(&token), &body);
                    let (time, answer) = self.timed(|| ways.routed.send(&request))?;
                    answer.expect(&[201])?;
                    Ok::<_, Error>(time)
                };
                routed()?;

                let request = self.request("/api/turns", &token, &body(sessions[1]));
                let (time, answer) = self.timed(|| ways.direct.send(&request))?;
                let answer = function::answer(self.plan.host, answer)?.expect(&[201])?;
                round.direct.push(time);
                if block > 0 {
                    measured.note(time, &answer.timing);
                }
                round.routed.push(routed()?);
            }
            if block > 0 {
                measured.add(round);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(measured)
    }

    fn context(&self) -> Result<Measured, Error> {
        let token = self.stack.user_token(database::ASKING)?;
        let mut ways = self.ways("context")?;
        let mut measured = Measured::new("POST /api/context", self.plan.requests);
        let bar = progress(self.plan.blocks + 1, "POST /api/context")?;
        let body = |(session, query): (Uuid, &str)| {
            json!({ "sessionId": session, "query": query, "deadlineMs": 2000 }).to_string()
        };
        for block in 0..=self.plan.blocks {
            let mut round = Measured::new("", 0);
            for number in 0..self.plan.requests {
                let (session, text) = self.plan.questions.get(number);
                let query = Query::new(text);
                let fetch = || self.bare.fetch(database::ASKING, session, &query);
                let (time, rows) = self.timed(fetch)?;
                if rows < 20 {
                    return Err(format!("the bare query found {rows} turns only").into());
                }
                round.bare.push(time);

                let question = body((session, text));
                let request = self.request("/api/context", &token, &question);
                let (time, answer) = self.timed(|| ways.direct.send(&request))?;
                let answer = function::answer(self.plan.host, answer)?;
                round.direct.push(time);
                let timing = whole(answer)?.timing;
                if block > 0 {
                    measured.note(time, &timing);
                }

                let request = Request::new("POST", "/api/context", Some(&token), &question);
                let (time, answer) = self.timed(|| ways.routed.send(&request))?;
                whole(answer)?;
                round.routed.push(time);
            }
            if block > 0 {
                measured.add(round);
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(measured)
    }

    fn ways(&self, function: &str) -> Result<Ways, Error> {
        Ok(Ways {
            direct: Connection::to(&self.stack.functions.url(function)?)?,
            routed: Connection::to(&self.stack.url)?,
        })
    }

    fn request(&self, path: &str, token: &str, body: &str) -> Request {
        function::request(self.plan.host, "POST", path, Some(token), body)
    }

    /// Waits until nothing is under way, then measures, in milliseconds.
    fn timed<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<(f64, T), Error> {
        self.bare.wait(self.stack.qstash.idle());
        let start = Instant::now();
        let done = work()?;
        Ok((start.elapsed().as_secs_f64() * 1e3, done))
    }
}

impl Measured {
    fn add(&mut self, round: Self) {
        self.bare.extend(round.bare);
        self.direct.extend(round.direct);
        self.routed.extend(round.routed);
    }
}

/// A context to which nothing was missing: one without the embedding would be too fast.
fn whole(answer: Answer) -> Result<Answer, Error> {
    let answer = answer.expect(&[200])?;
    let said: serde_json::Value = serde_json::from_slice(&answer.body)?;
    if said["degraded"]
        .as_array()
        .is_none_or(|missing| !missing.is_empty())
    {
        return Err(format!("the context is degraded: {}", said["degraded"]).into());
    }
    Ok(answer)
}
