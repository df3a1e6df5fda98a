//! The official SDKs, from npm and PyPI, run against the emulator: see `tests/sdk`.
//!
//! They are installed once into `.dev/cache`; where npm or pip is missing the test says so and passes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::qstash::{Qstash, Settings};

/// Installing included, on a slow network.
const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn the_official_node_sdk_is_served() {
    if !has("npm").await || !has("node").await {
        crate::skipped("npm or node is missing");
        return;
    }
    // An ES module finds packages from where it lies, so the script goes into the cache too.
    let files = ["package.json", "package-lock.json", "qstash.mjs"];
    let folder = installed("node", &files, |folder| {
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .current_dir(folder);
        npm
    })
    .await;
    let mut node = Command::new("node");
    node.arg(folder.join("qstash.mjs"));
    prove(node, 11).await;
}

#[tokio::test]
async fn the_official_python_sdk_is_served() {
    let pip = Command::new("python3")
        .args(["-m", "pip", "--version"])
        .output()
        .await;
    if !pip.is_ok_and(|pip| pip.status.success()) {
        crate::skipped("python3 or its pip is missing");
        return;
    }
    let folder = installed("python", &["requirements.txt"], |folder| {
        let mut pip = Command::new("python3");
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--target", "packages", "--requirement", "requirements.txt"])
        .current_dir(folder);
        pip
    })
    .await;
    let mut python = Command::new("python3");
    python
        .arg(scripts().join("qstash_sdk.py"))
        .env("PYTHONPATH", folder.join("packages"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    prove(python, 9).await;
}

/// Runs a script against a fresh emulator; each of its checks prints one line.
async fn prove(mut script: Command, checks: usize) {
    let qstash = Qstash::start(Settings {
        time_scale: 0.01,
        ..Settings::default()
    })
    .await
    .expect("an emulator");
    let keys = qstash.signing_keys();
    script
        .env("QSTASH_URL", qstash.url())
        .env("QSTASH_TOKEN", qstash.token())
        .env("QSTASH_CURRENT_SIGNING_KEY", keys.current)
        .env("QSTASH_NEXT_SIGNING_KEY", keys.next);
    let printed = output(script).await;
    let ok = printed
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    assert_eq!(ok, checks, "{printed}");
    qstash.stop().await;
}

/// A folder in the cache where `install` ran over these files; made once per their content.
async fn installed(name: &str, files: &[&str], install: impl FnOnce(&Path) -> Command) -> PathBuf {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(fs::read(scripts().join(file)).expect(file));
    }
    let hash = format!("{:x}", hash.finalize());
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.dev/cache");
    let folder = cache.join(format!("sdk-{name}-{}", &hash[..12]));
    if folder.exists() {
        return folder;
    }
    // Made aside and renamed, so that a half-made or a concurrent one is never used.
    let aside = cache.join(format!("sdk-{name}-{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&aside).expect("a folder in the cache");
    for file in files {
        fs::copy(scripts().join(file), aside.join(file)).expect(file);
    }
    eprintln!("installing the official {name} SDK");
    output(install(&aside)).await;
    match fs::rename(&aside, &folder) {
        Ok(()) => {}
        // Another process was faster.
        Err(_) if folder.exists() => fs::remove_dir_all(&aside).expect("removed"),
        Err(error) => panic!("{error}"),
    }
    folder
}

/// What a command prints, if it succeeds within the limit.
async fn output(mut command: Command) -> String {
    let output = command.kill_on_drop(true).output();
    let output: io::Result<_> = tokio::time::timeout(LIMIT, output).await.expect("in time");
    let output = output.expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    printed
}

async fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .await
        .is_ok()
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sdk")
}
