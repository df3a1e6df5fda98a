//! The full local stack's database: PostgreSQL 15 with pg_cron, pgvector, all contrib, and a stand-in
//! for pg_net. It is the nearest to Supabase's that can be had here.

mod debian;

use super::{
    Database, Error, Server, ServerSettings, error::create_dir, install::remove, shared::free_slot,
};
use crate::certificates::Authority;
use std::fs::File;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// `net.http_post` as pg_net has it.
const NET: &str = include_str!("../../../../migrations/local/net.sql");

/// A server with pg_cron, and the one database that pg_cron works in, migrated.
pub struct Full {
    /// The server.
    pub server: Server,
    /// pg_cron reads its jobs here, and nowhere else.
    pub database: Database,
    /// The lock on the server's folder, which lasts as long as the process.
    _slot: File,
}

static FULL: OnceCell<Full> = OnceCell::const_new();

/// The full server that the tests of this process share, started at the first call, with an empty
/// migrated database. Like [`shared`](super::shared) otherwise.
///
/// # Errors
/// [`Error::Unavailable`] where it cannot be had: it is made of the packages of Debian 12.
pub async fn full() -> Result<&'static Full, Error> {
    FULL.get_or_try_init(start).await
}

async fn start() -> Result<Full, Error> {
    let dev = create_dir(&crate::workspace().join(".dev"))?;
    let cache = dev.join("cache");
    let installation = tokio::task::spawn_blocking(move || debian::install(&cache))
        .await
        .map_err(|e| Error::Unavailable(e.to_string()))??;
    // A new name each time: pg_cron's scheduler would not outlive the old one's end.
    let name = format!("test_cron_{}", Uuid::new_v4().simple());
    let installation = installation.with_settings(&[
        "shared_preload_libraries=pg_cron",
        &format!("cron.database_name={name}"),
        // The alternative logs in over TCP, with a password it does not have.
        "cron.use_background_workers=on",
        "max_worker_processes=24",
        // The packages of the just-in-time compiler were left out.
        "jit=off",
    ]);
    let (data_dir, slot) = free_slot(&dev.join("test-postgres/full"))?;
    let authority = Authority::load_or_create(&dev.join("certificates"))?;
    let settings = || ServerSettings {
        installation: installation.clone(),
        data_dir: data_dir.clone(),
        port: None,
        tls: Some(authority.clone()),
        fast: true,
    };
    let server = match Server::start(settings()).await {
        Ok(server) => server,
        // As in `shared`: nothing was flushed, and nothing is of worth.
        Err(_) => {
            remove(&data_dir)?;
            Server::start(settings()).await?
        }
    };
    server.drop_test_databases().await?;
    let database = server.create_database(&name).await?;
    database
        .prepare(&crate::workspace().join("migrations"))
        .await?;
    let admin = database.admin().await?;
    admin
        .batch_execute(NET)
        .await
        .map_err(Error::database("install the stand-in for pg_net"))?;
    Ok(Full {
        server,
        database,
        _slot: slot,
    })
}
