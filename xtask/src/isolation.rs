//! `cargo xtask isolation`: two users with the same ids, of whom neither may meet the other.

use devstack::isolation_run::{self, Progress, Settings};

use crate::{Error, seeded};

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
    let seed = seeded::seed(arguments.seed);
    let bar = seeded::bar(arguments.steps)?;
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

    seeded::print(&report, arguments.json)?;
    if report.is_good() {
        Ok(())
    } else {
        Err(format!("a user did not have all of their own and nothing else; seed {seed}").into())
    }
}
