//! `cargo xtask migrate`: applies `migrations/` to any server, Supabase included.

use devstack::postgres::migrate::{self, Options, State};
use devstack::stack::workspace;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// An administrator's URL, direct or through a session pooler (on Supabase port 5432)
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: String,
    /// The root that signs the server's certificate, a PEM file
    #[arg(long)]
    ca: Option<std::path::PathBuf>,
    /// Create what Supabase provides where it is missing; for development only
    #[arg(long)]
    local_shim: bool,
    /// Only list what is applied and what is not
    #[arg(long)]
    status: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let options = Options {
        folder: workspace().join("migrations"),
        ca_pem: arguments.ca.map(std::fs::read_to_string).transpose()?,
        local_shim: arguments.local_shim,
    };
    if arguments.status {
        for entry in migrate::status(&arguments.database_url, &options).await? {
            let state = match entry.state {
                State::Pending => "pending".to_owned(),
                State::Applied { at, duration_ms } => format!("applied {at} in {duration_ms} ms"),
                State::Changed => "applied, and CHANGED since".to_owned(),
                State::Missing => "applied, and its file is GONE".to_owned(),
            };
            println!("{:04} {:<12} {state}", entry.version, entry.name);
        }
        return Ok(());
    }
    let report = migrate::run(&arguments.database_url, &options).await?;
    for made in &report.prerequisites {
        println!("made    {made}");
    }
    for applied in &report.applied {
        println!(
            "applied {:04} {} in {} ms",
            applied.version, applied.name, applied.duration_ms
        );
    }
    if report.applied.is_empty() {
        println!("nothing to apply: all {} are there", report.known);
    }
    Ok(())
}
