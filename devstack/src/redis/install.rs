//! Finds redis-server, or has apt-get install it.

use std::{
    fs::File,
    io::{Write as _, stderr},
    path::PathBuf,
    process::{Command, Output},
};

use super::{Error, server::we_are_root};

const PROGRAM: &str = "redis-server";

/// Where it is. Root fetches it with apt-get where it is missing; two processes may ask at once, one waits.
pub(super) fn find_or_install() -> Result<PathBuf, Error> {
    if let Some(found) = find(PROGRAM) {
        return Ok(found);
    }
    if !we_are_root() || find("apt-get").is_none() {
        return Err(Error::Unavailable(
            "redis-server is missing; install it, for example with `sudo apt-get install redis-server`"
                .into(),
        ));
    }
    // The lock of all our installations by apt-get: it knows one at a time.
    let path = std::env::temp_dir().join("memory-orchestrator-apt.lock");
    let lock = File::create(path).map_err(Error::io("create the lock of apt-get"))?;
    lock.lock().map_err(Error::io("wait for apt-get"))?;
    if let Some(found) = find(PROGRAM) {
        return Ok(found);
    }
    // Past the test harness, which would swallow it; a closed stderr is nothing to stop for.
    let _ = writeln!(stderr(), "installing redis-server with apt-get");
    // The lists of a fresh machine are old or empty.
    apt(&["update", "--quiet"])?;
    let quietly = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&quietly[..], &[PROGRAM]].concat())?;
    find(PROGRAM).ok_or_else(|| {
        Error::Unavailable("apt-get installed no redis-server that we can find".into())
    })
}

fn apt(arguments: &[&str]) -> Result<(), Error> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The package would start a service of its own.
        .env("RUNLEVEL", "1")
        .output();
    let Output {
        status,
        stdout,
        stderr,
    } = output.map_err(Error::io("run apt-get"))?;
    if status.success() {
        return Ok(());
    }
    let said = [stdout, stderr].concat();
    Err(Error::Unavailable(format!(
        "redis-server is missing, and apt-get failed:\n{}",
        String::from_utf8_lossy(&said).trim()
    )))
}

/// Looks through PATH and where Debian puts programs.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin".into(), "/usr/local/bin".into()])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
