//! What the long runs that a seed decides have in common: the seed, the bar, and the report.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::Error;

/// The seed that was given, or a random one; told on stderr, so that the run can be made again.
pub(crate) fn seed(given: Option<u64>) -> u64 {
    let seed = given.unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    eprintln!("seed {seed}");
    seed
}

/// A bar of so many steps on stderr.
pub(crate) fn bar(steps: usize) -> Result<ProgressBar, Error> {
    let bar = ProgressBar::new(steps as u64);
    bar.set_style(ProgressStyle::with_template(
        "{msg:12} {bar:40} {pos}/{len} {elapsed}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// Prints a report: on one line for a program, or over many for a person.
pub(crate) fn print(report: &impl serde::Serialize, on_one_line: bool) -> Result<(), Error> {
    let text = match on_one_line {
        true => serde_json::to_string(report)?,
        false => serde_json::to_string_pretty(report)?,
    };
    println!("{text}");
    Ok(())
}
