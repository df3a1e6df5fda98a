//! The real engine, PyPI's `mem0ai`, as a process: behind routes of ours that are like its server's
//! (`server.py`), over pgvector, with the [`OpenAi`] stub for its models. Nothing of it leaves the machine.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::stub::OpenAi;
use crate::kept::Kept;
use crate::pypi;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const SERVER: &str = include_str!("server.py");

/// Importing the engine takes some seconds.
const START: Duration = Duration::from_secs(60);

/// It has nothing to finish.
const PATIENCE: Duration = Duration::from_secs(3);

/// A running engine; it ends when it is dropped.
#[derive(Debug)]
pub struct RealMem0 {
    url: String,
    api_key: String,
    folder: PathBuf,
    process: Kept,
    _openai: OpenAi,
}

impl RealMem0 {
    /// Starts it over a database with pgvector, given by an administrator's URL. The first time
    /// on a machine its packages are fetched into `.dev/cache`: 150 MB unpacked, 20 seconds or more.
    ///
    /// # Errors
    /// When Python or the packages cannot be had, or it does not start; the text says why.
    pub async fn start(database_url: &str) -> io::Result<Self> {
        let packages = tokio::task::spawn_blocking(|| pypi::packages("mem0", REQUIREMENTS))
            .await
            .map_err(io::Error::other)??;
        let openai = OpenAi::start().await?;
        let api_key = Uuid::new_v4().to_string();
        let folder = crate::workspace().join(format!(".dev/mem0/{}", Uuid::new_v4()));
        fs::create_dir_all(&folder)?;
        let script = folder.join("server.py");
        fs::write(&script, SERVER)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new("python3");
        command
            .arg(&script)
            .env("PYTHONPATH", packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("STATE", &folder)
            .env("DATABASE_URL", database_url)
            .env("OPENAI_URL", openai.url())
            .env("MEM0_API_KEY", &api_key)
            // It would tell its makers of each call, keep an id in the home folder, and prefer
            // another provider or a proxy where the machine has one.
            .env("MEM0_TELEMETRY", "False")
            .env("MEM0_DIR", &folder)
            .env("NO_PROXY", "*")
            .env_remove("OPENROUTER_API_KEY")
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log));
        let mut real = Self {
            url: String::new(),
            api_key,
            process: Kept::spawn(&mut command, "KILL")?,
            folder,
            _openai: openai,
        };
        let port = real.port().await?;
        real.url = format!("http://127.0.0.1:{port}");
        Ok(real)
    }

    /// The base URL, for `MEM0_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key, for `MEM0_API_KEY`.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The port it took, once it serves.
    async fn port(&mut self) -> io::Result<String> {
        let deadline = Instant::now() + START;
        loop {
            match fs::read_to_string(self.folder.join("port")) {
                Ok(port) => return Ok(port),
                Err(_) if self.process.is_running() && Instant::now() < deadline => {}
                Err(_) => {
                    let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    return Err(io::Error::other(format!("Mem0 did not start:\n{log}")));
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for RealMem0 {
    fn drop(&mut self) {
        self.process.stop(PATIENCE);
        let _ = fs::remove_dir_all(&self.folder);
    }
}
