//! Applies `migrations/NNNN_name.sql`, each in one transaction, in order, once.
//!
//! The run holds an advisory lock of its session and changes settings of it, so it must connect
//! directly or through a session pooler, never through a transaction pooler (on Supabase: port 5432,
//! not 6543).

mod files;
mod prerequisites;

use super::{connect::connect, error::Error};
use files::Migration;
use std::{collections::BTreeMap, path::PathBuf, time::Instant};
use time::OffsetDateTime;
use tokio_postgres::{Client, Config};

pub use files::fingerprint;

/// How to migrate.
pub struct Options {
    /// The folder of the migrations, usually `<workspace>/migrations`.
    pub folder: PathBuf,
    /// The authority that signed the server's certificate, PEM; needed for a server elsewhere whose
    /// certificate the system does not trust (Supabase's own).
    pub ca_pem: Option<String>,
    /// Create what Supabase provides (roles, `auth.uid()`, `auth.users`) where it is missing. For
    /// development only.
    pub local_shim: bool,
}

/// What a run did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The prerequisites that were created, in words.
    pub prerequisites: Vec<String>,
    /// The migrations applied by this run, in order.
    pub applied: Vec<Applied>,
    /// How many had been applied before.
    pub known: usize,
}

/// One migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: i32,
    /// Its name, without number and ending.
    pub name: String,
    /// How long it took.
    pub duration_ms: i64,
}

/// One line of [`status`].
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub version: i32,
    /// Its name, without number and ending.
    pub name: String,
    /// What became of it.
    pub state: State,
}

/// What became of a migration.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    /// It is in the folder only.
    Pending,
    /// It was applied.
    Applied {
        /// When.
        at: OffsetDateTime,
        /// How long it took.
        duration_ms: i64,
    },
    /// It was applied, and its file says something else now.
    Changed,
    /// It was applied, and its file is gone.
    Missing,
}

/// A row of `memories_migrations.applied`.
struct Row {
    name: String,
    checksum: String,
    applied_at: OffsetDateTime,
    duration_ms: i64,
}

/// Applies what is pending.
///
/// # Errors
/// When the folder or the database is not in order (then nothing is applied), or a migration fails
/// (then those before it stay, and of it nothing does).
pub async fn run(admin_url: &str, options: &Options) -> Result<Report, Error> {
    let migrations = files::load(&options.folder)?;
    let client = open(admin_url, options).await?;
    // One runner at a time; the lock goes with the session. A migration that waits long for a table
    // would make all traffic queue behind it, so it gives up instead.
    client
        .batch_execute(
            "set statement_timeout = 0;
             select pg_advisory_lock(7077440);
             set lock_timeout = '10s';
             set client_min_messages = warning;
             create schema if not exists memories_migrations;
             create table if not exists memories_migrations.applied (
               version int primary key,
               name text not null,
               checksum text not null,
               applied_at timestamptz not null default now(),
               duration_ms bigint not null
             );",
        )
        .await
        .map_err(Error::database("prepare the list of migrations"))?;
    let known = rows(&client).await?;
    verify(&migrations, &known)?;

    let mut report = Report {
        prerequisites: prerequisites::apply(&client, options.local_shim).await?,
        known: known.len(),
        ..Report::default()
    };
    for migration in migrations.iter().skip(known.len()) {
        report.applied.push(apply(&client, migration).await?);
    }
    Ok(report)
}

/// Lists the migrations and what became of each; changes nothing.
///
/// # Errors
/// When the folder cannot be read or the database is not reached.
pub async fn status(admin_url: &str, options: &Options) -> Result<Vec<Entry>, Error> {
    let migrations = files::load(&options.folder)?;
    let client = open(admin_url, options).await?;
    let exists: bool = client
        .query_one(
            "select to_regclass('memories_migrations.applied') is not null",
            &[],
        )
        .await
        .map_err(Error::database("look for the list of migrations"))?
        .get(0);
    let mut known = if exists {
        rows(&client).await?
    } else {
        BTreeMap::new()
    };
    let mut entries: Vec<_> = migrations
        .into_iter()
        .map(|migration| {
            let state = match known.remove(&migration.version) {
                None => State::Pending,
                Some(row) if row.checksum != migration.checksum => State::Changed,
                Some(row) => State::Applied {
                    at: row.applied_at,
                    duration_ms: row.duration_ms,
                },
            };
            Entry {
                version: migration.version,
                name: migration.name,
                state,
            }
        })
        .collect();
    entries.extend(known.into_iter().map(|(version, row)| Entry {
        version,
        name: row.name,
        state: State::Missing,
    }));
    Ok(entries)
}

async fn open(admin_url: &str, options: &Options) -> Result<Client, Error> {
    let config: Config = admin_url
        .parse()
        .map_err(Error::database("read the database URL"))?;
    if config.get_ports().contains(&6543) {
        return Err(Error::Migration(
            "port 6543 is Supabase's transaction pooler; migrate through port 5432".into(),
        ));
    }
    connect(admin_url, options.ca_pem.as_deref()).await
}

async fn rows(client: &Client) -> Result<BTreeMap<i32, Row>, Error> {
    let rows = client
        .query(
            "select version, name, checksum, applied_at, duration_ms from memories_migrations.applied",
            &[],
        )
        .await
        .map_err(Error::database("read the list of migrations"))?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let known = Row {
                name: row.get(1),
                checksum: row.get(2),
                applied_at: row.get(3),
                duration_ms: row.get(4),
            };
            (row.get(0), known)
        })
        .collect())
}

/// What was applied must be the beginning of what is in the folder, letter by letter.
fn verify(migrations: &[Migration], known: &BTreeMap<i32, Row>) -> Result<(), Error> {
    for ((version, row), expected) in known.iter().zip(1..) {
        let migration = usize::try_from(expected - 1)
            .ok()
            .and_then(|index| migrations.get(index));
        let problem = match migration {
            Some(found) if found.version == *version && found.checksum == row.checksum => continue,
            Some(found) if found.version == *version => {
                format!("{} was changed after it was applied", found.file)
            }
            _ => format!(
                "the database has migration {version} ({}), and the folder has not",
                row.name
            ),
        };
        return Err(Error::Migration(format!(
            "{problem}; add a new migration instead of changing an old one"
        )));
    }
    Ok(())
}

async fn apply(client: &Client, migration: &Migration) -> Result<Applied, Error> {
    let since = Instant::now();
    let result = transaction(client, migration, since).await;
    if result.is_err() {
        // The error of the migration is the one to show.
        let _ = client.batch_execute("rollback").await;
    }
    result
}

async fn transaction(
    client: &Client,
    migration: &Migration,
    since: Instant,
) -> Result<Applied, Error> {
    let failed = || Error::database(format!("apply {}", migration.file));
    // The setting lives as long as this transaction: if it is gone, the file ended the transaction.
    client
        .batch_execute("begin; set local memories_migrations.running = 'yes'")
        .await
        .map_err(failed())?;
    client
        .batch_execute(&migration.sql)
        .await
        .map_err(failed())?;
    let duration_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
    let same: bool = client
        .query_one(
            "select current_setting('memories_migrations.running', true) is not distinct from 'yes'",
            &[],
        )
        .await
        .map_err(failed())?
        .get(0);
    if !same {
        return Err(Error::Migration(format!(
            "{} contains `begin`, `commit` or `rollback`; the runner wraps each file in one transaction",
            migration.file
        )));
    }
    client
        .execute(
            "insert into memories_migrations.applied (version, name, checksum, duration_ms)
             values ($1, $2, $3, $4)",
            &[
                &migration.version,
                &migration.name,
                &migration.checksum,
                &duration_ms,
            ],
        )
        .await
        .map_err(failed())?;
    client.batch_execute("commit").await.map_err(failed())?;
    Ok(Applied {
        version: migration.version,
        name: migration.name.clone(),
        duration_ms,
    })
}
