//! The official SDKs from npm, run against the local Redis: see `tests/sdk/redis.mjs`, and `ratelimit.mjs` for the
//! tests of the limiter.
//!
//! They are installed once into `.dev/cache`; where npm is missing the test says so and passes.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::started;
use crate::redis::Redis;

/// Installing included, on a slow network.
const LIMIT: Duration = Duration::from_secs(300);

const FILES: [&str; 4] = [
    "package.json",
    "package-lock.json",
    "redis.mjs",
    "ratelimit.mjs",
];

/// How many checks the script makes, each of which prints one line.
const CHECKS: usize = 11;

#[tokio::test]
async fn the_official_node_sdks_are_served() {
    let Some(redis) = started().await else { return };
    let Some(node) = node("redis.mjs", &redis).await else {
        return;
    };
    let printed = output(node).await;
    let ok = printed
        .lines()
        .filter(|line| line.starts_with("ok "))
        .count();
    assert_eq!(ok, CHECKS, "{printed}");
    redis.stop().await;
}

/// A script beside its packages, pointed at this Redis; `None` (and a line that says so) where it cannot be run.
pub(super) async fn node(script: &str, redis: &Redis) -> Option<Command> {
    for program in ["npm", "node"] {
        if Command::new(program)
            .arg("--version")
            .output()
            .await
            .is_err()
        {
            crate::skipped(&format!("{program} is missing"));
            return None;
        }
    }
    let mut node = Command::new("node");
    node.arg(installed().await.join(script))
        .env("UPSTASH_REDIS_REST_URL", redis.url())
        .env("UPSTASH_REDIS_REST_TOKEN", redis.token())
        .env("UPSTASH_DISABLE_TELEMETRY", "1");
    Some(node)
}

/// A folder in the cache with the script (an ES module finds packages from where it lies) and its packages; made once
/// per their content.
async fn installed() -> PathBuf {
    let scripts = crate::workspace().join("tests/sdk");
    let mut hash = Sha256::new();
    for file in FILES {
        hash.update(fs::read(scripts.join(file)).expect(file));
    }
    let hash = format!("{:x}", hash.finalize());
    let cache = crate::workspace().join(".dev/cache");
    let folder = cache.join(format!("sdk-redis-{}", &hash[..12]));
    if folder.exists() {
        return folder;
    }
    // Made aside and renamed, so that a half-made or a concurrent one is never used.
    let aside = cache.join(format!("sdk-redis-{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&aside).expect("a folder in the cache");
    for file in FILES {
        fs::copy(scripts.join(file), aside.join(file)).expect(file);
    }
    eprintln!("installing the official SDKs of Redis");
    output(npm_ci(&aside)).await;
    match fs::rename(&aside, &folder) {
        Ok(()) => {}
        // Another process was faster.
        Err(_) if folder.exists() => fs::remove_dir_all(&aside).expect("removed"),
        Err(error) => panic!("{error}"),
    }
    folder
}

fn npm_ci(folder: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"])
        .current_dir(folder);
    npm
}

/// What a command prints, if it succeeds within the limit.
async fn output(mut command: Command) -> String {
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(LIMIT, output).await.expect("in time");
    let output = output.expect("it runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
    printed
}
