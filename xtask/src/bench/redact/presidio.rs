//! Presidio beside us, where pip can install it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use devstack::stack::workspace;
use serde::Deserialize;

use crate::Error;

/// Installed once into `.dev/cache`; with spaCy, which it imports, some 400 MB.
const REQUIREMENT: &str = "presidio-analyzer==2.2.366";

const SCRIPT: &str = include_str!("presidio.py");

/// What the script measured.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Presidio {
    pub(super) recognizers: i64,
    pub(super) ready_milliseconds: f64,
    pub(super) nanoseconds: f64,
    /// Turns in which it found something.
    pub(super) found: i64,
}

/// Runs it over the turns, a JSON array of texts. Blocking.
pub(super) fn run(turns: &str) -> Result<Presidio, Error> {
    let packages = installed()?;
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("PYTHONPATH", packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = python.stdin.take() {
        stdin.write_all(turns.as_bytes())?;
    }
    let output = python.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("python3 ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The folder of its packages, made aside and renamed, so that a half-made one is never used.
fn installed() -> Result<PathBuf, Error> {
    let cache = workspace().join(".dev/cache");
    let folder = cache.join(REQUIREMENT.replace("==", "-"));
    if folder.exists() {
        return Ok(folder);
    }
    eprintln!("installing {REQUIREMENT}");
    let aside = cache.join(format!("presidio-{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&aside)?;
    let installed = install(&aside);
    let kept = installed.and_then(|()| match fs::rename(&aside, &folder) {
        // Another process was faster.
        Err(_) if folder.exists() => Ok(()),
        renamed => Ok(renamed?),
    });
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    kept.map(|()| folder)
}

fn install(into: &Path) -> Result<(), Error> {
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-conflicts",
        "--target",
    ]);
    pip.arg(into).arg(REQUIREMENT);
    let done = pip.env("PIP_ROOT_USER_ACTION", "ignore").status()?;
    if done.success() {
        Ok(())
    } else {
        Err(format!("pip ended with {done}").into())
    }
}
