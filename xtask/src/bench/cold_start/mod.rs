//! From spawn to the first answer, TLS on as in production, against a function that does nothing.
//!
//! The kinds of start take turns, so that drift hits all of them, and the first round, which brings
//! the binaries into the page cache, is not counted.

mod parts;
mod start;
mod timeline;

use std::time::Duration;

use devstack::functions::{BuiltFunction, Host, Profile, build_binaries};
use serde_json::json;
use uuid::Uuid;

use self::parts::{Parts, Road};
use self::start::{Function, Log};
use self::timeline::Timeline;
use super::client::Request;
use super::samples::Samples;
use super::table::{Cell, Report, Table};
use super::{blocking, function, progress};
use crate::Error;

/// How many times the hello-world's start a first `GET /api/health` may take, at the median.
const HEALTH_BAR: f64 = 1.5;

/// How many milliseconds more than the hello-world's a first recorded turn may take.
const TURN_BAR: f64 = 40.0;

/// So that what a killed function leaves behind (a backend that ends) is over.
const PAUSE: Duration = Duration::from_millis(30);

/// Starts for the timeline.
const LOGGED: usize = 15;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The host whose binaries run: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// Starts of each kind
    #[arg(long, default_value_t = 30)]
    starts: usize,
}

/// The executables, as they are deployed.
struct Built {
    hello: BuiltFunction,
    health: BuiltFunction,
    turns: BuiltFunction,
}

/// One kind of start.
struct Kind {
    name: &'static str,
    function: Function,
    request: Box<dyn Fn() -> Request + Send>,
    samples: Samples,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let (host, starts) = (arguments.host, arguments.starts);
    let built = blocking(move || built(host)).await?;
    let parts = Parts::start().await?;
    let mut kinds = kinds(host, &built, &parts)?;
    let (kinds, timeline) = blocking(move || {
        measure(host, starts, &mut kinds)?;
        let timeline = timeline(host, &kinds[2])?;
        Ok((kinds, timeline))
    })
    .await?;
    parts.stop().await;
    Ok(report(host, starts, &kinds, &timeline))
}

fn built(host: Host) -> Result<Built, Error> {
    let one = |package, name: String| {
        let built = build_binaries(package, host, Profile::Release, &[&name])?;
        let found = built
            .functions
            .into_iter()
            .find(|built| built.binary == name);
        found.ok_or_else(|| Error::from(format!("cargo built no {name}")))
    };
    Ok(Built {
        hello: one("hello-function", format!("hello-{host}"))?,
        health: one(host.package(), format!("{host}-health"))?,
        turns: one(host.package(), format!("{host}-turns"))?,
    })
}

fn kinds(host: Host, built: &Built, parts: &Parts) -> Result<Vec<Kind>, Error> {
    let token = parts.token()?;
    let get = move || function::request(host, "GET", "/api/health", None, "");
    let post = move || {
        let content = "The first thing that I ever said to you.";
        let turn = json!({ "id": Uuid::new_v4(), "role": "user", "content": content });
        let body = json!({ "sessionId": Uuid::new_v4(), "turns": [turn] }).to_string();
        function::request(host, "POST", "/api/turns", Some(&token), &body)
    };
    let kind = |name, built: &BuiltFunction, env, request: Box<dyn Fn() -> Request + Send>| {
        let (function, samples) = (Function::new(host, built, env), Samples::default());
        Kind {
            name,
            function,
            request,
            samples,
        }
    };
    Ok(vec![
        kind(
            "hello-world",
            &built.hello,
            parts.env(Road::Tls),
            Box::new(get),
        ),
        kind(
            "GET /api/health",
            &built.health,
            parts.env(Road::Tls),
            Box::new(get),
        ),
        kind(
            "POST /api/turns",
            &built.turns,
            parts.env(Road::Tls),
            Box::new(post.clone()),
        ),
        kind(
            "the same without TLS",
            &built.turns,
            parts.env(Road::Plain),
            Box::new(post.clone()),
        ),
        kind(
            "and with one more hop",
            &built.turns,
            parts.env(Road::Hop),
            Box::new(post),
        ),
    ])
}

fn measure(host: Host, starts: usize, kinds: &mut [Kind]) -> Result<(), Error> {
    let bar = progress(starts + 1, "cold starts")?;
    for round in 0..=starts {
        for kind in &mut *kinds {
            std::thread::sleep(PAUSE);
            let (time, _) = kind.start(host, false)?;
            if round > 0 {
                kind.samples.push(time);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Some more starts, whose logs tell where the time goes; they are not among those counted.
fn timeline(host: Host, turns: &Kind) -> Result<Timeline, Error> {
    let mut timeline = Timeline::default();
    for _ in 0..LOGGED {
        std::thread::sleep(PAUSE);
        let (time, log) = turns.start(host, true)?;
        timeline.read(time, &log)?;
    }
    Ok(timeline)
}

impl Kind {
    /// One start with its answer checked: a turn that was not published would be too fast.
    fn start(&self, host: Host, logged: bool) -> Result<(f64, Log), Error> {
        let (time, answer, log) = self.function.start(&(self.request)(), logged)?;
        let body = function::answer(host, answer)?.expect(&[200, 201])?.body;
        let said: serde_json::Value = serde_json::from_slice(&body)?;
        if said["status"].as_str().is_some_and(|status| status != "ok") {
            return Err(format!("{}: {said}", self.name).into());
        }
        Ok((time, log))
    }
}

fn report(host: Host, starts: usize, kinds: &[Kind], timeline: &Timeline) -> Report {
    let title =
        format!("From spawn to the first answer on {host}: {starts} starts of each, in turns");
    let columns = [
        "first request",
        "p50",
        "p95",
        "p99",
        "of hello",
        "over hello",
        "bar",
        "verdict",
    ];
    let mut table = Table::new(title, columns);
    let hello = kinds.first().map_or(1.0, |kind| kind.samples.median());
    for (place, kind) in kinds.iter().enumerate() {
        let median = kind.samples.median();
        let (ratio, over) = (median / hello, median - hello);
        let (bar, kept) = match place {
            1 => (Cell::Ratio(HEALTH_BAR), Cell::Kept(ratio <= HEALTH_BAR)),
            2 => (Cell::Milliseconds(TURN_BAR), Cell::Kept(over <= TURN_BAR)),
            _ => (Cell::Empty, Cell::Empty),
        };
        table.row([
            kind.name.into(),
            Cell::Milliseconds(median),
            Cell::Milliseconds(kind.samples.percentile(95)),
            Cell::Milliseconds(kind.samples.percentile(99)),
            if place > 0 {
                Cell::Ratio(ratio)
            } else {
                Cell::Empty
            },
            if place > 0 {
                Cell::Milliseconds(over)
            } else {
                Cell::Empty
            },
            bar,
            kept,
        ]);
    }
    Report {
        tables: vec![table, timeline.table()],
        notes: vec![
            "TLS: Postgres's certificate is verified, and QStash is HTTPS. PyPI's Postgres has no TLS, so a front in this process, a debug build, ends it; `one more hop` shows what such a front costs besides TLS. QStash too is part of this process.".to_owned(),
            "On Lambda the function is spawned by AWS's emulator when it gets the event.".to_owned(),
        ],
    }
}
