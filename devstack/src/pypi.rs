//! Packages from PyPI, in `.dev/cache`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The folder with the packages of a requirements file, for `PYTHONPATH`; fetched unless that was done before. The file
/// names every package and version, so that every run has the same.
///
/// Blocking. Two processes may ask at once.
///
/// # Errors
/// When Python or a package cannot be had; the text says why.
pub(crate) fn packages(name: &str, requirements: &str) -> io::Result<PathBuf> {
    let hash = format!("{:x}", Sha256::digest(requirements));
    let cache = crate::workspace().join(".dev/cache");
    let folder = cache.join(format!("{name}-{}", &hash[..12]));
    if folder.exists() {
        return Ok(folder);
    }
    // Made aside and renamed, so that a half-made or a concurrent one is never used.
    let aside = cache.join(format!("{name}-{}", Uuid::new_v4().simple()));
    fs::create_dir_all(&aside)?;
    eprintln!("fetching {name} from PyPI");
    let fetched = fetch(name, requirements, &aside).and_then(|()| {
        match fs::rename(&aside, &folder) {
            // Another process was faster.
            Err(_) if folder.exists() => Ok(()),
            renamed => renamed,
        }
    });
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fetched.map(|()| folder)
}

fn fetch(name: &str, requirements: &str, target: &Path) -> io::Result<()> {
    let file = target.join("requirements.txt");
    fs::write(&file, requirements)?;
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--no-compile"])
        .args(["--only-binary=:all:", "--target"])
        .arg(target)
        .arg("--requirement")
        .arg(&file)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.trim().lines().last().unwrap_or_default();
    Err(io::Error::other(format!(
        "pip could not fetch {name}: {last}"
    )))
}
