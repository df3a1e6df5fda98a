//! Deno from npm: the platform's package carries the program itself.

use std::{
    env::consts::{ARCH, OS},
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use uuid::Uuid;

/// Edge Runtime follows Deno 2.
const VERSION: &str = "2.9.6";

/// 40 MB, on a slow network.
const LIMIT: Duration = Duration::from_secs(300);

/// An installed Deno.
#[derive(Debug, Clone)]
pub struct Deno {
    program: PathBuf,
    cache: PathBuf,
}

impl Deno {
    /// Installs it below `.dev/cache` of the workspace, the first time. Safe when two processes do.
    ///
    /// # Errors
    /// A sentence, when npm is missing or fails, or has no Deno for this machine.
    pub async fn installed() -> Result<Self, String> {
        let cache = crate::workspace().join(".dev/cache");
        let platform = platform().ok_or("npm has no Deno for this machine")?;
        let folder = cache.join(format!("deno-{VERSION}"));
        if !folder.exists() {
            install(platform, &cache, &folder).await?;
        }
        Ok(Self {
            program: folder
                .join("node_modules/@deno")
                .join(platform)
                .join("deno"),
            cache: cache.join("deno-dir"),
        })
    }

    /// A command that has nothing of our environment, and fetches nothing.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("DENO_DIR", &self.cache)
            .env("DENO_NO_UPDATE_CHECK", "1")
            .env("NO_COLOR", "1");
        command
    }
}

fn platform() -> Option<&'static str> {
    match (OS, ARCH) {
        ("linux", "x86_64") => Some("linux-x64-glibc"),
        ("linux", "aarch64") => Some("linux-arm64-glibc"),
        ("macos", "x86_64") => Some("darwin-x64"),
        ("macos", "aarch64") => Some("darwin-arm64"),
        _ => None,
    }
}

/// Made aside and renamed, so that a half-made or a concurrent one is never used.
async fn install(platform: &str, cache: &Path, folder: &Path) -> Result<(), String> {
    let aside = cache.join(format!("deno-{}", Uuid::new_v4().simple()));
    fs::create_dir_all(&aside).map_err(|error| format!("no folder for Deno: {error}"))?;
    let made = npm(platform, &aside).await.and_then(|()| {
        match fs::rename(&aside, folder) {
            Err(error) if !folder.exists() => Err(format!("no folder for Deno: {error}")),
            // When it failed, another process was faster.
            _ => Ok(()),
        }
    });
    if aside.exists() {
        // Left behind it would cost disk, and nothing else.
        let _ = fs::remove_dir_all(&aside);
    }
    made
}

async fn npm(platform: &str, folder: &Path) -> Result<(), String> {
    let npm = tokio::process::Command::new("npm")
        .args([
            "install",
            "--no-save",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
        ])
        .args([
            "--loglevel=error",
            &format!("@deno/{platform}@{VERSION}"),
            "--prefix",
        ])
        .arg(folder)
        .current_dir(folder)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(LIMIT, npm)
        .await
        .map_err(|_| "npm took too long to install Deno")?
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("npm cannot install Deno: {}", said.trim()))
    }
}
