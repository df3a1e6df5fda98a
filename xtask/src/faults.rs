//! `cargo xtask faults`: a run in which everything goes wrong, and its verdict.

use devstack::fault_run::{self, Progress, Settings};

use crate::{Error, seeded};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Decides who says what and which faults come in which order; a random one if none is given
    #[arg(long)]
    seed: Option<u64>,
    /// How many turns are recorded
    #[arg(long, default_value_t = 2000)]
    turns: usize,
    /// By how many users
    #[arg(long, default_value_t = 50)]
    users: usize,
    /// Without QStash: the sweeper does everything
    #[arg(long)]
    without_qstash: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let seed = seeded::seed(arguments.seed);
    let bar = seeded::bar(arguments.turns)?;
    let settings = Settings {
        seed,
        turns: arguments.turns,
        users: arguments.users,
        qstash: !arguments.without_qstash,
    };
    let report = fault_run::run(settings, |progress| match progress {
        Progress::Starting => bar.set_message("starting"),
        Progress::Recorded(turns) => {
            bar.set_message("recording");
            bar.set_position(turns as u64);
        }
        Progress::Draining(left) => bar.set_message(format!("{left} wait")),
    })
    .await?;
    bar.finish_and_clear();

    seeded::print(&report, arguments.json)?;
    if report.verdict.is_good() {
        Ok(())
    } else {
        Err(format!("the service did not keep its word; seed {seed}").into())
    }
}
