//! `cargo xtask fuzz`: the targets of `fuzz/`, one after the other, with libFuzzer on the stable toolchain.

mod build;
mod said;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, io};

use devstack::stack::workspace;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use self::said::Said;
use crate::Error;
use crate::bench::table::{Cell, Table};

/// One input that takes longer is a finding too, in seconds.
const LONGEST: u32 = 10;

/// And one that takes more memory, in MiB.
const LARGEST: u32 = 2048;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only these; all of them if none is named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, default_value_t = 300)]
    seconds: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A target, and what became of its run.
struct Run {
    target: String,
    said: Said,
    /// The input that it could not take, where there is one.
    found: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let all = targets()?;
    if let Some(unknown) = arguments.targets.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target {unknown}, but {}", all.join(", ")).into());
    }
    let chosen = if arguments.targets.is_empty() {
        &all
    } else {
        &arguments.targets
    };
    let programs = build::build(chosen)?;
    let mut runs = Vec::new();
    for target in chosen {
        runs.push(fuzz(target, &programs.join(target), arguments.seconds)?);
    }
    print(&runs, arguments.json);
    let found: Vec<_> = runs.iter().filter_map(|run| run.found.as_ref()).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("{} of {} targets found something", found.len(), runs.len()).into())
}

/// Their names, in order.
fn targets() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(workspace().join("fuzz/targets"))? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// Runs one, from the seeds and from what earlier runs here have learnt.
fn fuzz(target: &str, program: &Path, seconds: u32) -> Result<Run, Error> {
    let folder = workspace().join(".dev/fuzz").join(target);
    let corpus = folder.join("corpus");
    fs::create_dir_all(&corpus)?;
    let bar = progress(target, seconds)?;
    let mut command = Command::new(program);
    command.arg(&corpus);
    for kind in ["seeds", "regressions"] {
        let kept = workspace().join("fuzz").join(kind).join(target);
        command.args(Some(kept).filter(|kept| kept.exists()));
    }
    let mut child = command
        .arg(format!("-artifact_prefix={}/", folder.display()))
        .arg(format!(
            "-dict={}",
            workspace().join("fuzz/words.dict").display()
        ))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={LONGEST}"))
        .arg(format!("-rss_limit_mb={LARGEST}"))
        .arg("-print_final_stats=1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut said = Said::default();
    let output = child.stderr.take().map(BufReader::new);
    for line in output.into_iter().flat_map(|output| output.split(b'\n')) {
        said.line(&String::from_utf8_lossy(&line?));
        bar.set_position(bar.elapsed().as_secs().min(seconds.into()));
        bar.set_message(said.to_string());
    }
    let status = child.wait()?;
    bar.finish_and_clear();
    let found = said.found.clone().map(PathBuf::from);
    if !status.success() && found.is_none() {
        return Err(format!("{target} did not run ({status}): {}", said.last.join("\n")).into());
    }
    Ok(Run {
        target: target.to_owned(),
        said,
        found,
    })
}

fn progress(target: &str, seconds: u32) -> Result<ProgressBar, Error> {
    let bar = ProgressBar::new(seconds.into());
    let style = "{prefix:18} {bar:30} {pos}/{len} s  {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    bar.set_prefix(target.to_owned());
    bar.enable_steady_tick(Duration::from_millis(500));
    if bar.is_hidden() {
        eprintln!("{target}: {seconds} s");
    }
    Ok(bar)
}

fn print(runs: &[Run], as_json: bool) {
    if as_json {
        let run = |run: &Run| {
            json!({
                "target": run.target, "executions": run.said.executions, "edges": run.said.edges,
                "features": run.said.features, "corpus": run.said.corpus, "found": run.found,
            })
        };
        let runs: Vec<_> = runs.iter().map(run).collect();
        println!("{}", json!({ "runs": runs }));
        return;
    }
    let columns = [
        "target",
        "executions",
        "edges",
        "features",
        "corpus",
        "found",
    ];
    let mut table = Table::new("Fuzzing", columns);
    for run in runs {
        table.row([
            run.target.as_str().into(),
            Cell::Count(run.said.executions),
            Cell::Count(run.said.edges),
            Cell::Count(run.said.features),
            Cell::Count(run.said.corpus),
            if run.found.is_some() {
                "yes"
            } else {
                "nothing"
            }
            .into(),
        ]);
    }
    print!("{table}");
    for run in runs {
        if let Some(input) = &run.found {
            println!("\n{}: {}", run.target, run.said.last.join("\n"));
            println!("the input: {}", input.display());
            println!(
                "once it is mended, keep it: fuzz/regressions/{}/<what it was>",
                run.target
            );
        }
    }
}
