//! What must be there before the first migration: Supabase has it, a plain PostgreSQL has not.

use super::Error;
use tokio_postgres::Client;

pub(super) const SHIM: &str = include_str!("../../../../migrations/local/shim.sql");
pub(super) const PGMQ: &str = include_str!("../../../../migrations/vendor/pgmq-1.13.0.sql");

/// What a look at the database finds.
struct Found {
    supabase: bool,
    /// `auth.uid()` exists.
    auth: bool,
    /// The schema `auth` is the one that our shim made.
    ours: bool,
    pgmq: bool,
    pgmq_packaged: bool,
}

/// Creates what is missing; answers what it did, in words.
pub(super) async fn apply(client: &Client, local_shim: bool) -> Result<Vec<String>, Error> {
    let found = look(client).await?;
    let mut done = Vec::new();
    if found.supabase || (found.auth && !found.ours) {
        // Somebody provides it.
    } else if local_shim {
        // On each run, so that a database of yesterday gets today's shim.
        script(client, "the local shim", SHIM).await?;
        if !found.auth {
            done.push("local shim for auth and its roles".to_owned());
        }
    } else if !found.auth {
        return Err(Error::Migration(
            "auth.uid() is missing: this is not Supabase. For a development database allow the local shim".into(),
        ));
    }
    if !found.pgmq {
        if found.pgmq_packaged {
            script(client, "pgmq", "create extension if not exists pgmq").await?;
            done.push("pgmq, the extension".to_owned());
        } else {
            script(client, "pgmq", PGMQ).await?;
            done.push("pgmq 1.13.0, as plain SQL".to_owned());
        }
    }
    Ok(done)
}

async fn look(client: &Client) -> Result<Found, Error> {
    let row = client
        .query_one(
            "select
               exists (select from pg_roles where rolname = 'supabase_admin'),
               to_regprocedure('auth.uid()') is not null,
               coalesce(obj_description(to_regnamespace('auth')::oid, 'pg_namespace')
                 = 'memory-orchestrator local shim', false),
               to_regclass('pgmq.meta') is not null,
               exists (select from pg_available_extensions where name = 'pgmq')",
            &[],
        )
        .await
        .map_err(Error::database("look at what the database provides"))?;
    Ok(Found {
        supabase: row.get(0),
        auth: row.get(1),
        ours: row.get(2),
        pgmq: row.get(3),
        pgmq_packaged: row.get(4),
    })
}

/// Runs a script as one transaction: several statements in one simple query are one.
async fn script(client: &Client, what: &str, sql: &str) -> Result<(), Error> {
    client
        .batch_execute(sql)
        .await
        .map_err(Error::database(format!("install {what}")))
}
