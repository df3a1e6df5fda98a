//! Warm requests, one at a time, against the same transaction from bare tokio-postgres.
//!
//! The sides take turns in blocks. What follows a request, its job, is delivered to nobody, and the
//! delivery has ended before the next request: measured is a request and nothing else.

mod bare;
mod measure;
mod questions;

use devstack::functions::Host;

use self::measure::{Measured, Plan, measure};
use self::questions::Questions;
use super::table::{Cell, Report, Table};
use super::{blocking, built, database, deliveries, stack};
use crate::Error;

/// How many times the bare transaction a request may take, at the median.
const BAR: f64 = 2.0;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The host whose binaries run: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// Blocks of each side
    #[arg(long, default_value_t = 20)]
    blocks: usize,
    /// Requests in a block
    #[arg(long, default_value_t = 25)]
    requests: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let host = arguments.host;
    let functions = blocking(move || built::functions(host, &["turns", "context"])).await?;
    let (server, database) = database::start(None).await?;
    database::seed(&database).await?;
    let questions = Questions::read(&database).await?;
    let stack = stack::over(&database, functions).await?;
    // The bare transaction's jobs are not delivered either: so both sides leave the same behind.
    deliveries::go_nowhere(&stack.qstash, None).await?;
    let plan = Plan {
        host,
        blocks: arguments.blocks,
        requests: arguments.requests,
        database_url: database.function_url(),
        questions,
    };
    let (stack, measured) = blocking(move || {
        let measured = measure(&stack, &plan);
        Ok((stack, measured))
    })
    .await?;
    stack.stop().await;
    server.stop();
    Ok(report(host, arguments, &measured?))
}

fn report(host: Host, arguments: &Arguments, measured: &[Measured]) -> Report {
    let title = format!(
        "Warm, on loopback, on {host}: {} blocks of {} rounds, in each of which every side has its turn",
        arguments.blocks, arguments.requests
    );
    let columns = [
        "request",
        "side",
        "p50",
        "p95",
        "p99",
        "ratio of p50",
        "by block",
        "bar",
        "verdict",
    ];
    let mut latency = Table::new(title, columns);
    let mut parts = Table::new(
        "Where the time of a direct request goes, p50 (server-timing)",
        ["request", "part", "p50", "of bare"],
    );
    for one in measured {
        let bare = one.bare.median();
        for (side, samples) in [
            ("bare tokio-postgres", &one.bare),
            ("direct", &one.direct),
            ("through the router", &one.routed),
        ] {
            let ratio = samples.median() / bare;
            let barred = side == "direct" && host == Host::Vercel;
            let itself = side == "bare tokio-postgres";
            let shown = |cell: Cell, when: bool| if when { cell } else { Cell::Empty };
            latency.row([
                one.name.into(),
                side.into(),
                Cell::Milliseconds(samples.median()),
                Cell::Milliseconds(samples.percentile(95)),
                Cell::Milliseconds(samples.percentile(99)),
                shown(Cell::Ratio(ratio), !itself),
                shown(one.span_of_ratios(samples).into(), !itself),
                shown(Cell::Ratio(BAR), barred),
                shown(Cell::Kept(ratio <= BAR), barred),
            ]);
        }
        for (part, samples) in &one.parts {
            let median = samples.median();
            let share = Cell::Ratio(median / bare);
            parts.row([
                one.name.into(),
                part.as_str().into(),
                Cell::Milliseconds(median),
                share,
            ]);
        }
    }
    let turns = database::TURNS;
    let rows = database::USERS * turns;
    Report {
        tables: vec![latency, parts],
        notes: vec![
            format!("Context is asked of a user with {turns} turns among {rows}, 384 dimensions."),
            "Postgres flushes to disk; release binaries; QStash and the embedder are local and part of this process, which is a debug build.".to_owned(),
            "`bare` is one warm connection: begin and claims, the same statement, commit, sent together. It does not embed, publish, verify a token, or speak HTTP.".to_owned(),
        ],
    }
}
