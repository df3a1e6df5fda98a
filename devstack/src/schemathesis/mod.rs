//! PyPI's `schemathesis`, which makes requests of the OpenAPI document and holds every answer against it: no server error,
//! and nothing that the document does not say. With all of its checks; `schemathesis.toml` says what they cannot know.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Output;

use tokio::process::Command;
use uuid::Uuid;

use crate::pypi;
use crate::stack::Stack;

const REQUIREMENTS: &str = include_str!("requirements.txt");
const SETTINGS: &str = include_str!("schemathesis.toml");
const HOOKS: &str = include_str!("hooks.py");

/// The packages, ready to run.
#[derive(Debug, Clone)]
pub struct Schemathesis {
    packages: PathBuf,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// Whoever has this access token, and QStash.
    Bearer(String),
    /// Somebody without a token or a signature.
    Nobody,
}

/// How much is tried, and what chance begins with.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Requests that are made up for each operation, beside the fixed ones at the borders of each schema.
    pub max_examples: u32,
    /// The same seed, the same requests.
    pub seed: u64,
}

/// How a run ended.
#[derive(Debug)]
pub struct Verdict {
    /// Whether every answer was as the document has it.
    pub good: bool,
    /// What it printed.
    pub text: String,
}

impl Schemathesis {
    /// Fetches it into `.dev/cache` unless it is there: 70 MB unpacked, some seconds. Blocking.
    ///
    /// # Errors
    /// When Python 3.11 or the packages cannot be had; the text says why.
    pub fn ensure_installed() -> io::Result<Self> {
        let packages = pypi::packages("schemathesis", REQUIREMENTS)?;
        let schemathesis = Self { packages };
        let mut command = schemathesis.command().into_std();
        let output = command.arg("--version").output()?;
        if output.status.success() {
            return Ok(schemathesis);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.trim().lines().last().unwrap_or_default();
        Err(io::Error::other(format!(
            "schemathesis does not run: {last}"
        )))
    }

    /// Asks a stack.
    ///
    /// # Errors
    /// When it does not run, or a file cannot be written.
    pub async fn run(&self, stack: &Stack, caller: &Caller, effort: Effort) -> io::Result<Verdict> {
        let folder = crate::workspace().join(format!(".dev/schemathesis/{}", Uuid::new_v4()));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("schemathesis.toml"), settings(caller))?;
        fs::write(folder.join("hooks.py"), HOOKS)?;
        let mut command = self.command();
        command
            .current_dir(&folder)
            .env("PUBLIC_URL", &stack.url)
            .env("SIGNING_KEY", stack.qstash.signing_keys().current)
            .args(["--config-file", "schemathesis.toml", "run"])
            .arg(crate::workspace().join("public/openapi.json"))
            .args(["--url", &stack.url, "--no-color"])
            .args(["--max-examples", &effort.max_examples.to_string()])
            .args(["--seed", &effort.seed.to_string()]);
        if let Caller::Bearer(token) = caller {
            command.env("TOKEN", token);
        }
        let ended = command.output().await;
        fs::remove_dir_all(&folder)?;
        let Output {
            status,
            stdout,
            stderr,
        } = ended?;
        Ok(Verdict {
            good: status.success(),
            text: String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned(),
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("python3");
        command
            .args(["-m", "schemathesis.cli"])
            .env("PYTHONPATH", &self.packages)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NO_PROXY", "*")
            .kill_on_drop(true);
        command
    }
}

/// Without credentials there is nothing to accept, so what is refused for the lack of them is as it should be.
fn settings(caller: &Caller) -> String {
    match caller {
        Caller::Bearer(_) => SETTINGS.to_owned(),
        Caller::Nobody => {
            let credentials = |line: &&str| {
                !["[auth.", "bearer =", "api_key ="]
                    .iter()
                    .any(|it| line.starts_with(it))
            };
            SETTINGS
                .lines()
                .filter(credentials)
                .map(|line| format!("{line}\n"))
                .collect()
        }
    }
}
