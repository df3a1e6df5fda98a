//! The developer's and operator's command.

mod bench;
mod deploy_check;
mod dev;
mod dlq;
mod doctor;
mod faults;
mod fuzz;
mod import;
mod indexes;
mod isolation;
mod jobs;
mod migrate;
mod openapi;
mod provision;
mod redact;
mod schemathesis;
mod seeded;
mod test;
mod token;

use clap::{Parser, Subcommand};

/// What went wrong, as a text for a person.
type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Develops, tests and operates the memory orchestrator"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole stack here: Postgres, QStash, an embedder, the real functions
    Dev(dev::Arguments),
    /// Measure latency, cold starts and size
    Bench(bench::Arguments),
    /// Mint a token for the stacks that run here
    Token(token::Arguments),
    /// Apply the migrations, or list them with --status
    Migrate(migrate::Arguments),
    /// Check a deployment's configuration against everything that it names
    Doctor(doctor::Arguments),
    /// Tell QStash of a deployment: topic, endpoints and the sweeper's schedule
    Provision(provision::Arguments),
    /// Build and drop the indexes of very large users, where no pg_cron does
    Indexes(indexes::Arguments),
    /// The turns that were given up: list, show, replay, discard
    Dlq(dlq::Arguments),
    /// How the jobs fare
    Jobs(jobs::Arguments),
    /// Record an export again: of another user, in another deployment
    Import(import::Arguments),
    /// Redact texts, and tell what was found in them
    Redact(redact::Arguments),
    /// Write public/openapi.json from the code's types
    Openapi(openapi::Arguments),
    /// Record turns while everything goes wrong, and judge what is left of them
    Faults(faults::Arguments),
    /// Let two users with the same ids do everything at once, and see that neither meets the other
    Isolation(isolation::Arguments),
    /// Throw chance at parsers, redactor, verifiers and packer, and see that they stand
    Fuzz(fuzz::Arguments),
    /// Ask both hosts what the OpenAPI document lets one ask, and hold every answer against it
    Schemathesis(schemathesis::Arguments),
    /// Run every test, installing what they need
    Test(test::Arguments),
    /// Build as Vercel does, offline, and check what it would deploy; many minutes
    CheckVercel,
    /// Validate and build as AWS SAM does, and check what it would deploy; many minutes
    CheckSam,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let done = match Arguments::parse().command {
        Command::Dev(arguments) => dev::run(arguments).await,
        Command::Bench(arguments) => bench::run(arguments).await,
        Command::Token(arguments) => token::run(arguments),
        Command::Migrate(arguments) => migrate::run(arguments).await,
        Command::Doctor(arguments) => doctor::run(arguments).await,
        Command::Provision(arguments) => provision::run(arguments).await,
        Command::Indexes(arguments) => indexes::run(arguments).await,
        Command::Dlq(arguments) => dlq::run(arguments).await,
        Command::Jobs(arguments) => match jobs::run(arguments).await {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Import(arguments) => import::run(arguments).await,
        Command::Redact(arguments) => redact::run(arguments),
        Command::Openapi(arguments) => openapi::run(arguments),
        Command::Faults(arguments) => faults::run(arguments).await,
        Command::Isolation(arguments) => isolation::run(arguments).await,
        Command::Fuzz(arguments) => fuzz::run(arguments),
        Command::Schemathesis(arguments) => schemathesis::run(arguments).await,
        Command::Test(arguments) => test::run(arguments),
        Command::CheckVercel => deploy_check::vercel().await,
        Command::CheckSam => deploy_check::sam().await,
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
