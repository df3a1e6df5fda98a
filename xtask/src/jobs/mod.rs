//! `cargo xtask jobs status`: how the jobs fare, for a person and for a monitor.

mod ago;
mod owner;
mod status;
mod sweep;

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;

pub(crate) use self::ago::age;
pub(crate) use self::owner::Owner;
use self::status::Status;
pub(crate) use self::sweep::{report, sweep};
use crate::Error;

/// What `status` exits with when something needs a person.
const UNWELL: u8 = 2;

/// Between two looks of `--watch`.
const PAUSE: Duration = Duration::from_secs(2);

/// The cursor home, and what stands below it away.
const CLEAR: &str = "\u{1b}[H\u{1b}[J";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Adapters, queues, the last sweep. Exits with 0 when all is well, 2 when somebody should look
    /// (dead letters, a turn that waits for too long, an open circuit, no sweep), 1 when it cannot
    /// find out
    Status(Look),
}

#[derive(clap::Args)]
struct Look {
    #[command(flatten)]
    owner: Owner,
    /// Print one JSON document, or one line of it per look with --watch
    #[arg(long)]
    json: bool,
    /// Look again every two seconds until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// The age, in minutes, from which on a pending turn or a missing sweep is not well
    #[arg(long, default_value_t = 15)]
    max_age: u32,
}

pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode, Error> {
    let What::Status(look) = arguments.what;
    let client = look.owner.connect().await?;
    loop {
        let status = Status::read(&client, look.max_age).await?;
        if look.json {
            println!("{}", serde_json::to_string(&status)?);
        } else if look.watch {
            print!("{CLEAR}{status}");
        } else {
            print!("{status}");
        }
        let code = if status.well {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(UNWELL)
        };
        if !look.watch {
            return Ok(code);
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            told = tokio::signal::ctrl_c() => return told.map(|()| code).map_err(Into::into),
        }
    }
}
