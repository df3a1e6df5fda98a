//! What the peers are made of, from PyPI.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use devstack::stack::workspace;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Error;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// The folder of the packages in `.dev/cache`, fetched unless that was done before: 250 MB unpacked, a minute
/// or so. Blocking.
///
/// # Errors
/// When Python or the packages cannot be had.
pub(super) fn installed() -> Result<PathBuf, Error> {
    let cache = workspace().join(".dev/cache");
    let hash = format!("{:x}", Sha256::digest(REQUIREMENTS));
    let folder = cache.join(format!("peers-{}", &hash[..12]));
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("fetching Mem0's engine and LangGraph's store from PyPI");
    // Made aside and renamed, so that a half-made or a concurrent one is never used.
    let aside = cache.join(format!("peers-{}", Uuid::new_v4().simple()));
    fs::create_dir_all(&aside)?;
    let fetched = fetch(&aside).and_then(|()| match fs::rename(&aside, &folder) {
        // Another process was faster.
        Err(_) if folder.exists() => Ok(()),
        renamed => Ok(renamed?),
    });
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fetched.map(|()| folder)
}

fn fetch(into: &Path) -> Result<(), Error> {
    let requirements = into.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:"])
        .args(["--disable-pip-version-check", "--no-warn-conflicts"])
        .arg("--target")
        .arg(into)
        .arg("--requirement")
        .arg(&requirements)
        .env("PIP_ROOT_USER_ACTION", "ignore");
    let done = pip.output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.trim().lines().last().unwrap_or_default();
    Err(format!("pip could not fetch the peers: {last}").into())
}
