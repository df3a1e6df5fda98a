//! `cargo xtask schemathesis`: requests made of the OpenAPI document, to both hosts, and every answer held against it.

use std::collections::BTreeMap;
use std::sync::Arc;

use devstack::functions::{self, Host, Profile};
use devstack::postgres;
use devstack::qstash::faults::NoFaults;
use devstack::schemathesis::{Caller, Effort, Schemathesis};
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};
use uuid::Uuid;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Requests that are made up for each operation, beside the fixed ones at the borders of each schema
    #[arg(long, default_value_t = 100)]
    max_examples: u32,
    /// Decides which; a random one if none is given
    #[arg(long)]
    seed: Option<u64>,
    /// Only this host: vercel or lambda
    #[arg(long)]
    host: Option<Host>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let schemathesis = tokio::task::spawn_blocking(Schemathesis::ensure_installed).await??;
    let effort = Effort {
        max_examples: arguments.max_examples,
        seed: arguments
            .seed
            .unwrap_or_else(|| u64::from(Uuid::new_v4().as_fields().0)),
    };
    let mut bad = 0;
    for host in Host::ALL {
        if arguments.host.is_none_or(|only| only == host) {
            let stack = start(host).await?;
            for (name, caller) in [
                (
                    "a user, and QStash",
                    Caller::Bearer(stack.user_token(Uuid::new_v4())?),
                ),
                ("nobody", Caller::Nobody),
            ] {
                eprintln!("{host}, as {name}, seed {}", effort.seed);
                let verdict = schemathesis.run(&stack, &caller, effort).await?;
                println!("{}", verdict.text);
                bad += usize::from(!verdict.good);
            }
        }
    }
    if bad == 0 {
        Ok(())
    } else {
        Err(format!("{bad} runs had answers that the document does not have").into())
    }
}

/// With everything on.
async fn start(host: Host) -> Result<Stack, Error> {
    let build = move || functions::build(host, Profile::Dev);
    let functions = tokio::task::spawn_blocking(build).await??;
    let server = postgres::shared().await?;
    let migrations = workspace().join("migrations");
    let database = server.fresh_database(&migrations).await?;
    Stack::start(StackSettings {
        functions,
        port: None,
        database_url: database.function_url(),
        database_ca: database.cluster().ca_pem().map(str::to_owned),
        jwt_secret: Uuid::new_v4().to_string(),
        embedder: EmbedderChoice::Lexical,
        qstash_time_scale: 1.0,
        qstash_faults: Arc::new(NoFaults),
        redis: true,
        mem0: true,
        sweeps: true,
        log_dir: workspace().join(".dev/schemathesis/logs"),
        env: BTreeMap::new(),
    })
    .await
}
