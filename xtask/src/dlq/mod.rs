//! `cargo xtask dlq`: the turns that were given up, with their reasons; once the cause is gone they
//! are replayed, or else discarded.

mod letters;
mod show;

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use self::letters::{Fate, Filter, chosen, decide, list, sums};
use crate::Error;
use crate::bench::table::{Cell, Table};
use crate::jobs::{Owner, age, report, sweep};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The dead letters, the latest first, and how many there are for which reason
    List(List),
    /// Everything that is known of a turn, but its text
    Show(Show),
    /// Give turns another life; the sweeper takes them at its next run
    Replay(Replay),
    /// Take turns off the list for good: the adapter goes without them
    Discard(Discard),
}

#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    owner: Owner,
    #[command(flatten)]
    filter: Filter,
    /// The most that are listed; all are counted
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    owner: Owner,
    /// As `list` prints it
    turn: Uuid,
    /// Only of this adapter
    #[arg(long, value_parser = ["embed", "mem0"])]
    adapter: Option<String>,
    /// Only of this user
    #[arg(long)]
    user: Option<Uuid>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Chosen {
    #[command(flatten)]
    owner: Owner,
    /// The turns, as `list` prints them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    turns: Vec<Uuid>,
    /// All that the other options leave
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct Replay {
    #[command(flatten)]
    chosen: Chosen,
    /// Ask the deployment at MEMORY_PUBLIC_URL to sweep at once, with the service token in
    /// SUPABASE_SERVICE_TOKEN or else one signed by SUPABASE_JWT_SECRET
    #[arg(long)]
    now: bool,
}

#[derive(clap::Args)]
struct Discard {
    #[command(flatten)]
    chosen: Chosen,
    /// Without it nothing is discarded, only said what would be
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    match arguments.what {
        What::List(arguments) => print_list(&arguments).await,
        What::Show(arguments) => print_turn(&arguments).await,
        What::Replay(arguments) => replay(&arguments).await,
        What::Discard(arguments) => discard(&arguments).await,
    }
}

async fn print_list(arguments: &List) -> Result<(), Error> {
    let client = arguments.owner.connect().await?;
    let letters = list(&client, &arguments.filter, arguments.limit.into()).await?;
    let sums = sums(&client, &arguments.filter).await?;
    let total: i64 = sums.iter().map(|sum| sum.dead).sum();
    if arguments.json {
        let document = json!({ "total": total, "reasons": sums, "deadLetters": letters });
        println!("{document}");
        return Ok(());
    }
    if letters.is_empty() {
        println!("no dead letters");
        return Ok(());
    }
    let mut table = Table::new(
        "Dead letters",
        [
            "died", "adapter", "reason", "attempts", "role", "turn", "user",
        ],
    );
    for letter in &letters {
        table.row([
            format!("{} ago", age(letter.died_seconds_ago)).into(),
            letter.adapter.as_str().into(),
            letter.reason.as_str().into(),
            Cell::Count(letter.attempts.into()),
            letter.role.as_str().into(),
            letter.turn_id.to_string().into(),
            letter.user_id.to_string().into(),
        ]);
    }
    print!("{table}");
    let reasons = sums
        .iter()
        .map(|sum| format!("{} {} {}", sum.dead, sum.adapter, sum.reason));
    let reasons: Vec<_> = reasons.collect();
    println!("\n{total} in all: {}", reasons.join(", "));
    Ok(())
}

async fn print_turn(arguments: &Show) -> Result<(), Error> {
    let client = arguments.owner.connect().await?;
    let adapter = arguments.adapter.as_deref();
    let found = show::read(&client, arguments.turn, adapter, arguments.user).await?;
    if found.is_empty() {
        return Err("there is no such turn".into());
    }
    if arguments.json {
        println!("{}", json!({ "turns": found }));
    } else {
        found.iter().for_each(show::print);
    }
    Ok(())
}

async fn replay(arguments: &Replay) -> Result<(), Error> {
    let replayed = settle(&arguments.chosen, Fate::Replay).await?;
    let swept = if arguments.now && replayed > 0 {
        Some(sweep().await.map_err(|error| {
            format!("{replayed} replayed, and the next sweep takes them; this one failed: {error}")
        })?)
    } else {
        None
    };
    if arguments.chosen.json {
        println!("{}", json!({ "replayed": replayed, "sweep": swept }));
        return Ok(());
    }
    println!("{replayed} replayed");
    match swept {
        Some(answer) => println!("{}", report(&answer)),
        None if replayed > 0 => println!("the next sweep takes them (--now asks for one)"),
        None => {}
    }
    Ok(())
}

async fn discard(arguments: &Discard) -> Result<(), Error> {
    if !arguments.yes {
        let client = arguments.chosen.owner.connect().await?;
        let letters = meant(&client, &arguments.chosen).await?;
        let would = format!(
            "would discard {}; nothing was done without --yes",
            letters.len()
        );
        return Err(would.into());
    }
    let discarded = settle(&arguments.chosen, Fate::Discard).await?;
    if arguments.chosen.json {
        println!("{}", json!({ "discarded": discarded }));
    } else {
        println!("{discarded} discarded");
    }
    Ok(())
}

/// What the arguments mean. Naming a turn that is no dead letter is a mistake worth telling.
async fn meant(
    client: &tokio_postgres::Client,
    arguments: &Chosen,
) -> Result<Vec<(String, Uuid, Uuid)>, Error> {
    let letters = chosen(client, &arguments.filter, &arguments.turns).await?;
    for turn in &arguments.turns {
        if !letters.iter().any(|letter| letter.2 == *turn) {
            return Err(
                format!("{turn} is no dead letter, or another option leaves it out").into(),
            );
        }
    }
    Ok(letters)
}

async fn settle(arguments: &Chosen, fate: Fate) -> Result<u64, Error> {
    let client = arguments.owner.connect().await?;
    let letters = meant(&client, arguments).await?;
    let bar = indicatif::ProgressBar::new(letters.len().try_into()?);
    let settled = decide(&client, fate, &letters, |done| bar.inc(done)).await;
    bar.finish_and_clear();
    settled
}
