//! How fast redaction is on ordinary chat, and how soon it is ready, beside Presidio.
//!
//! Ours runs as the example `redaction` of the core, built as the functions are. The text is LoCoMo's, a
//! research corpus that lies outside the project.

mod presidio;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use devstack::stack::workspace;
use serde_json::Value;

use super::samples::Samples;
use super::table::{Cell, Report, Table};
use super::{blocking, progress};
use crate::Error;

/// Bytes per second that ordinary chat is to be redacted at, on one core.
const SPEED: f64 = 100e6;

/// Milliseconds until the first text is redacted, more than a process needs that does nothing.
const READY: f64 = 2.0;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// LoCoMo's conversations
    #[arg(long, default_value_os_t = workspace().join("../shared/data/locomo/dev.json"))]
    text: PathBuf,
    /// How often all of it is redacted
    #[arg(long, default_value_t = 200)]
    rounds: usize,
    /// Processes that are started
    #[arg(long, default_value_t = 50)]
    starts: usize,
    /// Leave Presidio out, which takes 400 MB to install
    #[arg(long)]
    without_presidio: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let text = std::fs::read(&arguments.text)
        .map_err(|error| format!("{}: {error}", arguments.text.display()))?;
    let turns = turns(&serde_json::from_slice(&text)?);
    let (rounds, starts) = (arguments.rounds.max(1), arguments.starts.max(1));
    let presidio = !arguments.without_presidio;
    blocking(move || measure(&turns, rounds, starts, presidio)).await
}

/// What was said, in order.
fn turns(conversations: &Value) -> Vec<String> {
    let conversations = conversations.as_array().into_iter().flatten();
    let sessions =
        conversations.filter_map(|conversation| conversation["conversation"].as_object());
    let turns =
        sessions.flat_map(|sessions| sessions.values().filter_map(Value::as_array).flatten());
    turns
        .filter_map(|turn| turn["text"].as_str())
        .map(str::to_owned)
        .collect()
}

fn measure(
    turns: &[String],
    rounds: usize,
    starts: usize,
    presidio: bool,
) -> Result<Report, Error> {
    let bytes: usize = turns.iter().map(String::len).sum();
    let bytes = bytes as f64;
    let json = serde_json::to_string(turns)?;
    let ours = built()?;

    let mut round = Samples::default();
    for nanoseconds in output(
        Command::new(&ours).args(["turns", &rounds.to_string()]),
        &json,
    )?
    .lines()
    {
        round.push(nanoseconds.parse::<f64>()? / 1e6);
    }
    let (mut idle, mut ready, mut inside) =
        (Samples::default(), Samples::default(), Samples::default());
    let bar = progress(starts, "starting processes")?;
    for _ in 0..starts {
        for (mode, spawned) in [("idle", &mut idle), ("ready", &mut ready)] {
            let began = Instant::now();
            let said = output(Command::new(&ours).arg(mode), "")?;
            spawned.push(began.elapsed().as_secs_f64() * 1e3);
            if mode == "ready" {
                inside.push(said.trim().parse::<f64>()? / 1e6);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let more = (ready.median() - idle.median()).max(0.0);

    let mut table = Table::new(
        format!(
            "Redaction of {} turns, {:.0} bytes each",
            turns.len(),
            bytes / turns.len().max(1) as f64
        ),
        ["what", "p50", "of a turn", "MB/s", "bar", "kept"],
    );
    let row = |milliseconds: f64| {
        let speed = bytes / milliseconds / 1e3;
        (
            Cell::Milliseconds(milliseconds / turns.len().max(1) as f64),
            speed,
        )
    };
    let (turn, speed) = row(round.median());
    table.row([
        "all turns".into(),
        Cell::Milliseconds(round.median()),
        turn,
        Cell::Text(format!("{speed:.0}")),
        Cell::Text(format!("{:.0}", SPEED / 1e6)),
        Cell::Kept(speed * 1e6 >= SPEED),
    ]);
    for (what, milliseconds) in [
        ("first text, since main began", inside.median()),
        ("first text, over an idle process", more),
    ] {
        table.row([
            what.into(),
            Cell::Milliseconds(milliseconds),
            Cell::Empty,
            "".into(),
            Cell::Text(format!("{READY} ms")),
            Cell::Kept(milliseconds <= READY),
        ]);
    }
    let mut notes = vec![format!("{rounds} rounds, {starts} starts, one thread.")];
    match presidio.then(|| presidio::run(&json)) {
        None => {}
        Some(Ok(theirs)) => {
            let (turn, speed) = row(theirs.nanoseconds / 1e6);
            table.row([
                "Presidio, all turns".into(),
                Cell::Milliseconds(theirs.nanoseconds / 1e6),
                turn,
                Cell::Text(format!("{speed:.2}")),
                "".into(),
                Cell::Empty,
            ]);
            table.row([
                "Presidio, first text".into(),
                Cell::Milliseconds(theirs.ready_milliseconds),
                Cell::Empty,
                "".into(),
                "".into(),
                Cell::Empty,
            ]);
            notes.push(format!(
                "Presidio: {} recognisers of patterns, without a language model; it found something in {} turns.",
                theirs.recognizers, theirs.found
            ));
        }
        Some(Err(error)) => notes.push(format!("Presidio could not be had: {error}")),
    }
    Ok(Report {
        tables: vec![table],
        notes,
    })
}

/// What a program prints, when it is given `input`.
fn output(command: &mut Command, input: &str) -> Result<String, Error> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The example, built with fat LTO: a minute or two.
fn built() -> Result<PathBuf, Error> {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.current_dir(workspace()).stderr(Stdio::inherit());
    cargo.args([
        "build",
        "--release",
        "--package",
        "memory-orchestrator",
        "--example",
        "redaction",
    ]);
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .output()?;
    if !output.status.success() {
        return Err("the example does not compile".into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built = messages
        .filter(|message| message["target"]["name"] == "redaction")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from));
    Ok(built
        .filter(|path| Path::exists(path))
        .ok_or("cargo told of no example")?)
}
