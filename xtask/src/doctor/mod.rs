//! `cargo xtask doctor`: what a deployment is told, against everything that it names.

mod database;
mod finding;
mod issuer;
mod migrations;
mod qstash;
mod services;
#[cfg(test)]
mod tests;
mod variables;
mod vectors;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use memory_orchestrator::adapters::http::Outbound;
use memory_orchestrator::domain::deadline::Deadline;

use self::finding::{Finding, Level};
use self::migrations::Administrator;
use crate::Error;

/// For each thing that is asked.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// An administrator's URL, as for `migrate`: looks at what the functions' own role may not see
    #[arg(long)]
    admin_url: Option<String>,
    /// The root that signs the certificate of the administrator's server, a PEM file
    #[arg(long, requires = "admin_url")]
    ca: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let ca_pem = arguments.ca.map(std::fs::read_to_string).transpose()?;
    let administrator = arguments.admin_url.map(|url| Administrator { url, ca_pem });
    let findings = examine(std::env::vars().collect(), administrator).await;
    for finding in &findings {
        println!("{finding}");
    }
    let count = |level| findings.iter().filter(|found| found.level == level).count();
    match (count(Level::Fail), count(Level::Warn)) {
        (0, 0) => println!("all is well"),
        (0, warned) => println!("it will work; {warned} to look at"),
        (failed, _) => return Err(format!("{failed} of {} checks failed", findings.len()).into()),
    }
    Ok(())
}

/// Every check of an environment, in the order in which they are told.
async fn examine(env: Vec<(String, String)>, administrator: Option<Administrator>) -> Vec<Finding> {
    let (mut findings, read) = variables::examine(&env);
    let Some(config) = read.config else {
        return findings;
    };
    let outbound = Arc::new(Outbound::new(config.outbound_ca.clone()));
    // A part whose own variables are wrong is not asked: it would fail for a reason that was told.
    let sound = |prefix: &str| !read.faulty.iter().any(|name| name.starts_with(prefix));
    let (database, issuer, qstash, deployment, embeddings, vectors, redis, mem0) = tokio::join!(
        async {
            match (sound("DATABASE_"), &administrator) {
                (false, None) => Vec::new(),
                (login, _) => {
                    let login = login.then_some(&config.database);
                    database::examine(login, administrator.as_ref()).await
                }
            }
        },
        async {
            match sound("SUPABASE_") {
                true => issuer::examine(&config.tokens, &outbound).await,
                false => None,
            }
        },
        async {
            if sound("QSTASH_") && sound("MEMORY_PUBLIC_URL") {
                qstash::examine(&config).await
            } else {
                Vec::new()
            }
        },
        async {
            match sound("MEMORY_PUBLIC_URL") {
                true => Some(services::deployment(&config.public_url, &outbound).await),
                false => None,
            }
        },
        async {
            if sound("EMBEDDINGS_") {
                services::embeddings(&config, &outbound).await
            } else {
                Vec::new()
            }
        },
        async {
            match &administrator {
                Some(administrator) if sound("EMBEDDINGS_") => {
                    vectors::examine(administrator, &config).await
                }
                _ => Vec::new(),
            }
        },
        async {
            match &config.redis {
                Some(redis) if sound("UPSTASH_") => {
                    Some(services::redis(redis.clone(), &outbound).await)
                }
                _ => None,
            }
        },
        async {
            match &config.mem0 {
                Some(mem0) if sound("MEM0_") => Some(services::mem0(mem0.clone(), &outbound).await),
                _ => None,
            }
        },
    );
    findings.extend(database);
    findings.extend(issuer);
    findings.extend(qstash);
    findings.extend(deployment);
    findings.extend(embeddings);
    findings.extend(vectors);
    findings.extend(redis);
    findings.extend(mem0);
    findings
}

fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}
