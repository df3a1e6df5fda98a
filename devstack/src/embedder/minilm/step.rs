//! A long step: one line on stderr, or a spinner that shows what its program last said.

use std::process::Stdio;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::error::Error;

/// How many lines of a failed program are repeated.
const TAIL: usize = 40;

/// Runs `command` to its end; what it says on stdout is dropped.
pub(super) async fn run(
    title: &str,
    program: &'static str,
    command: &mut Command,
) -> Result<(), Error> {
    let spinner = spinner(title);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::io(format!("run {program}")))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines
            .next_line()
            .await
            .map_err(Error::io(format!("read from {program}")))?
        {
            spinner.set_message(format!("{title}: {}", line.trim()));
            said.push(line);
        }
    }
    let status = child
        .wait()
        .await
        .map_err(Error::io(format!("wait for {program}")))?;
    spinner.finish_and_clear();
    if status.success() {
        return Ok(());
    }
    Err(Error::Command {
        program,
        output: said[said.len().saturating_sub(TAIL)..].join("\n"),
    })
}

fn spinner(title: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if spinner.is_hidden() {
        eprintln!("{title}");
    } else {
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            spinner.set_style(style);
        }
        spinner.set_message(title.to_owned());
        spinner.enable_steady_tick(Duration::from_millis(100));
    }
    spinner
}
