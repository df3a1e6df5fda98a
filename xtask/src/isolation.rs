//! `cargo xtask isolation`: two users with the same ids, of whom neither may meet the other.

use std::time::Duration;

use devstack::isolation_run::{self, Progress, Settings};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Decides who does what; a random one if none is given
    #[arg(long)]
    seed: Option<u64>,
    /// Operations of both users together
    #[arg(long, default_value_t = 10_000)]
    steps: usize,
    /// Without our own filters on the user: row level security alone stands between the two
    #[arg(long)]
    without_filters: bool,
    /// Through PgBouncer in transaction mode
    #[arg(long)]
    pooled: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let seed = arguments
        .seed
        .unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    eprintln!("seed {seed}");
    let bar = ProgressBar::new(arguments.steps as u64);
    bar.set_style(ProgressStyle::with_template(
        "{msg:12} {bar:40} {pos}/{len} {elapsed}",
    )?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let settings = Settings {
        seed,
        steps: arguments.steps,
        without_filters: arguments.without_filters,
        pooled: arguments.pooled,
        sabotage: None,
    };
    let report = isolation_run::run(settings, |progress| match progress {
        Progress::Starting => bar.set_message("starting"),
        Progress::Stepped(steps) => {
            bar.set_message("stepping");
            bar.set_position(steps as u64);
        }
    })
    .await?;
    bar.finish_and_clear();

    if arguments.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    if report.is_good() {
        Ok(())
    } else {
        Err(format!("a user did not have all of their own and nothing else; seed {seed}").into())
    }
}
