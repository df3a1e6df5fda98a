//! `cargo xtask indexes`: builds and drops the indexes of very large users, where no pg_cron does.

use devstack::postgres::connect;
use tokio_postgres::Client;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The URL of the migrations' owner, direct or through a session pooler (on Supabase port 5432)
    #[arg(long, env = "DATABASE_ADMIN_URL", hide_env_values = true)]
    database_url: String,
    /// The root that signs the server's certificate, a PEM file
    #[arg(long)]
    ca: Option<std::path::PathBuf>,
    /// From how many vectors of one model on a user gets an index
    #[arg(long, default_value_t = 20_000)]
    threshold: i32,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// An index that is there, or should be.
struct Index {
    name: String,
    state: String,
    /// What brings it about, where something is to be done.
    command: Option<String>,
    vectors: Option<i64>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let ca = arguments.ca.map(std::fs::read_to_string).transpose()?;
    let client = connect(&arguments.database_url, ca.as_deref()).await?;
    // A build takes as long as it takes. Whoever holds a lock that it needs is waited for, blocking
    // nobody meanwhile.
    client.batch_execute("set statement_timeout = 0").await?;
    let survey = "select memories.survey_large_users($1)";
    client.execute(survey, &[&arguments.threshold]).await?;

    // An index that a failed build left behind is dropped first, and then there is one to build.
    for round in 0..2 {
        for index in indexes(&client).await? {
            match &index.command {
                None if round == 0 => say(&index, &index.state),
                Some(command) if !arguments.dry_run => {
                    say(&index, &format!("{} …", index.state));
                    client.batch_execute(command).await?;
                }
                Some(_) if round == 0 => say(&index, &format!("would {}", index.state)),
                _ => {}
            }
        }
    }
    let overdue: serde_json::Value = client
        .query_one("select memories.vacuum_overdue()", &[])
        .await?
        .get(0);
    for table in overdue.as_array().into_iter().flatten() {
        println!("vacuum is overdue: {table}");
    }
    Ok(())
}

async fn indexes(client: &Client) -> Result<Vec<Index>, Error> {
    let rows = client
        .query(
            "select index_name, state, command, vectors from memories.large_user_indexes()",
            &[],
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| Index {
            name: row.get(0),
            state: row.get(1),
            command: row.get(2),
            vectors: row.get(3),
        })
        .collect())
}

fn say(index: &Index, what: &str) {
    let vectors = index
        .vectors
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    println!("{:<56} {vectors:>10} {what}", index.name);
}
