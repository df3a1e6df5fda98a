//! One fast server for all the tests of a process.

use super::{
    error::{Error, create_dir},
    install::{Installation, install, remove},
    server::{Server, ServerSettings},
};
use crate::certificates::Authority;
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};
use tokio::sync::OnceCell;

/// The server, and the lock on its folder, which lasts as long as the process.
struct Shared {
    server: Server,
    _slot: File,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// The server that the tests of this process share, started at the first call; it speaks TLS with a
/// certificate of the authority in `.dev/certificates`, and plainly.
///
/// Test processes that run at once get a server each (`.dev/test-postgres/0`, `1`, …). Set
/// `POSTGRES_BIN` to the folder of other PostgreSQL programs, with pgvector, to test against those.
///
/// # Errors
/// When the server cannot be had on this machine.
pub async fn shared() -> Result<&'static Server, Error> {
    let shared = SHARED.get_or_try_init(start).await?;
    Ok(&shared.server)
}

async fn start() -> Result<Shared, Error> {
    let dev = create_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.dev"))?;
    let installation = match std::env::var_os("POSTGRES_BIN") {
        Some(bin) => Installation::at(bin.into()),
        None => {
            let cache = dev.join("cache");
            tokio::task::spawn_blocking(move || install(&cache))
                .await
                .map_err(|e| Error::Unavailable(e.to_string()))??
        }
    };
    let base = dev.join(format!("test-postgres/{}", installation.version()?));
    let (data_dir, slot) = free_slot(&base)?;
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
        // Nothing was flushed, so the folder may be past repair; it holds nothing of worth.
        Err(_) => {
            remove(&data_dir)?;
            Server::start(settings()).await?
        }
    };
    server.drop_test_databases().await?;
    Ok(Shared {
        server,
        _slot: slot,
    })
}

/// The first folder that no other test process uses.
pub(super) fn free_slot(base: &Path) -> Result<(PathBuf, File), Error> {
    let base = create_dir(base)?;
    for number in 0..64 {
        let path = base.join(format!("{number}.lock"));
        let file = File::create(&path).map_err(Error::at("create", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok((base.join(number.to_string()), file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(e)) => return Err(Error::at("lock", &path)(e)),
        }
    }
    Err(Error::Unavailable(
        "64 test processes run already".to_owned(),
    ))
}
