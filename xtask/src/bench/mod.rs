//! `cargo xtask bench`: what the service costs, measured side by side with what it stands on.
//!
//! Every figure that has a bar is a ratio (or a difference) of two things measured in one run, in
//! turns, so that a busy machine slows both.

mod built;
mod chart;
mod client;
mod cold_start;
mod database;
mod deadline;
mod deliveries;
mod function;
mod growth;
mod latency;
mod peers;
mod recall;
mod redact;
mod samples;
mod size;
mod stack;
mod sweep;
pub(crate) mod table;
mod timing;

use clap::Subcommand;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Print one JSON document instead of tables
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Warm requests against the bare database: `POST /api/turns` and `POST /api/context`
    Latency(latency::Arguments),
    /// From spawn to the first answer, against a function that does nothing
    ColdStart(cold_start::Arguments),
    /// Each binary's size, and its memory after 1,000 requests
    Size(size::Arguments),
    /// Redaction of ordinary chat, and how soon it is ready, beside Presidio
    Redact(redact::Arguments),
    /// Whether context brings the turns that answer a question, on conversations of LoCoMo
    Recall(recall::Arguments),
    /// Context with more turns and with more users, and search among many beside an exact scan
    Growth(growth::Arguments),
    /// The same turns and questions beside Mem0, LangGraph's PostgresStore and bare SQL
    Peers(peers::Arguments),
    /// How late a context is when what it asks hangs, refuses or trickles
    Deadline(deadline::Arguments),
    /// A sweep's beginning, with a million turns done and a hundred stuck
    Sweep(sweep::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let report = match &arguments.what {
        What::Latency(chosen) => latency::run(chosen).await?,
        What::ColdStart(chosen) => cold_start::run(chosen).await?,
        What::Size(chosen) => size::run(chosen).await?,
        What::Redact(chosen) => redact::run(chosen).await?,
        What::Recall(chosen) => return recall::run(chosen, arguments.json).await,
        What::Peers(chosen) => return peers::run(chosen, arguments.json).await,
        What::Growth(chosen) => growth::run(chosen).await?,
        What::Deadline(chosen) => deadline::run(chosen).await?,
        What::Sweep(chosen) => sweep::run(chosen).await?,
    };
    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{report}");
    }
    if report.passed() {
        Ok(())
    } else {
        Err("a bar was missed".into())
    }
}

/// A bar of known length on stderr, silent where that is no terminal.
fn progress(length: usize, doing: &'static str) -> Result<indicatif::ProgressBar, Error> {
    let style = "{msg:28} {bar:30} {pos}/{len} {eta}";
    let bar = indicatif::ProgressBar::new(length.try_into()?);
    bar.set_style(indicatif::ProgressStyle::with_template(style)?);
    bar.set_message(doing);
    if bar.is_hidden() {
        eprintln!("{doing}");
    }
    Ok(bar)
}

/// Runs blocking work beside the tasks of this process.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await?
}
