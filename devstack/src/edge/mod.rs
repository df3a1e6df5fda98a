//! The Supabase Edge Function `embed` as it stands in `supabase/functions`, run by Deno. What the Edge Runtime
//! would add, a model among it, is in `shim.ts`.

mod deno;
#[cfg(test)]
mod tests;

pub use deno::Deno;

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::kept::Kept;

/// Starting takes a fifth of a second; a busy machine gets half a minute.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What the function may read of its environment.
const ENVIRONMENT: &str = "--allow-env=SUPABASE_SERVICE_ROLE_KEY,SUPABASE_SECRET_KEYS";

/// Where the function's source stands.
#[must_use]
pub fn source() -> PathBuf {
    crate::workspace().join("supabase/functions/embed")
}

/// How to start it.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The project's old secret key, a JWT.
    pub service_role_key: Option<String>,
    /// The new ones, as Supabase hands them over: a JSON object of `sb_secret_…` by name.
    pub secret_keys: Option<String>,
    /// The file that it logs to.
    pub log: PathBuf,
}

/// The running function; it ends when this is dropped.
#[derive(Debug)]
pub struct EdgeFunction {
    url: String,
    _process: Kept,
}

impl EdgeFunction {
    /// Starts it on a free port of loopback; it takes requests when this returns. It may listen there,
    /// read its keys, and nothing else.
    ///
    /// # Errors
    /// When it cannot be started, or ends, or says nothing for half a minute.
    pub async fn start(deno: &Deno, settings: &Settings) -> io::Result<Self> {
        let mut command = deno.command();
        command
            .args(["run", "--no-prompt", "--no-remote", "--no-lock"])
            .args(["--allow-net=127.0.0.1", ENVIRONMENT])
            .arg(format!(
                "--preload={}",
                crate::workspace()
                    .join("devstack/src/edge/shim.ts")
                    .display()
            ))
            .arg(source().join("index.ts"))
            .env("DENO_SERVE_ADDRESS", "tcp:127.0.0.1:0")
            .stdout(File::create(&settings.log)?)
            .stderr(File::options().append(true).open(&settings.log)?);
        for (name, value) in [
            ("SUPABASE_SERVICE_ROLE_KEY", &settings.service_role_key),
            ("SUPABASE_SECRET_KEYS", &settings.secret_keys),
        ] {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let mut process = Kept::spawn(&mut command, "TERM")?;
        let url = ready(&mut process, &settings.log).await?;
        Ok(Self {
            url,
            _process: process,
        })
    }

    /// Its address, whole, for `EMBEDDINGS_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Waits for the line in which Deno says where it listens.
async fn ready(process: &mut Kept, log: &Path) -> io::Result<String> {
    let begun = Instant::now();
    loop {
        let said = fs::read_to_string(log)?;
        let address = said.lines().find_map(|line| {
            let address = line.strip_prefix("Listening on ")?;
            Some(address.trim_end_matches('/').to_owned())
        });
        if let Some(address) = address {
            return Ok(format!("{address}/embed"));
        }
        if !process.is_running() || begun.elapsed() > READY_WITHIN {
            return Err(io::Error::other(format!("Deno did not listen: {said}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
