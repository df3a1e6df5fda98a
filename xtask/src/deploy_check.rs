//! `cargo xtask check-vercel` and `cargo xtask check-sam`: what a deployment would be made of, built
//! here by the hosts' own tools, without an account.
//!
//! Each works on a clone of the last commit, so that the checkout stays clean and what is not committed
//! is not deployed. About a minute per function, and ten more the first time: release builds with fat LTO.

mod artefacts;
mod sam;
mod vercel;

pub(crate) use sam::check as sam;
pub(crate) use vercel::check as vercel;

use crate::Error;
use devstack::stack::workspace;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// Clones the last commit, anew, always to the same place: cargo's cache goes by path.
async fn clone(name: &str) -> Result<PathBuf, Error> {
    let folder = workspace().join(".dev/deploy-check").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut git = Command::new("git");
    git.args(["clone", "--quiet", "--shared"])
        .arg(workspace())
        .arg(&folder);
    run("copying the last commit", &mut git).await?;
    Ok(folder)
}

/// The target folder of these builds, apart from the developer's own.
fn target() -> PathBuf {
    workspace().join(".dev/target-deploy")
}

/// A folder for tools that are fetched once.
fn cache(name: &str) -> PathBuf {
    workspace().join(".dev/cache").join(name)
}

/// Runs a command to its end, its output passed on.
async fn run(step: &str, command: &mut Command) -> Result<(), Error> {
    eprintln!("{step}");
    let status = command.kill_on_drop(true).status().await.map_err(|error| {
        let program = command.as_std().get_program().to_string_lossy();
        format!("could not start {program}: {error}")
    })?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{step}: {status}").into()),
    }
}

/// Every file below a folder, relative to it.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}
