//! all-MiniLM behind a memory of its own: what was embedded once is known the next time.
//!
//! The functions ask it over HTTP as they would ask any provider. A vector is found by the hash of its
//! text, so nothing that is changed about the text can meet an old one.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devstack::embedder::minilm::{self, DIMENSIONS, MiniLm, NAME};
use devstack::stack::workspace;
use embedder_http::{Embedding, EmbeddingModel, ModelError};
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::Error;

/// The SHA-256 of a text.
type Key = [u8; 32];

/// A key and its vector, as they lie in the file: the numbers are little-endian.
const RECORD: usize = size_of::<Key>() + DIMENSIONS * size_of::<f32>();

/// A running embedder.
pub(super) struct Vectors {
    pub(super) url: String,
    memory: Arc<Memory>,
    minilm: MiniLm,
    server: JoinHandle<std::io::Result<()>>,
}

struct Memory {
    known: Mutex<HashMap<Key, Vec<f32>>>,
    /// How many were not.
    computed: AtomicUsize,
    /// The embeddings endpoint of the model itself.
    model: String,
    client: reqwest::Client,
    runtime: Handle,
}

/// What the server serves.
struct Remembering(Arc<Memory>);

impl Vectors {
    /// Starts the model and what stands before it; `fresh` forgets what is known.
    pub(super) async fn start(fresh: bool) -> Result<Self, Error> {
        let known = match std::fs::read(file()) {
            Ok(bytes) if !fresh => read(&bytes),
            _ => HashMap::new(),
        };
        let wanted = minilm::Settings {
            workspace: workspace().to_owned(),
            port: None,
            api_key: None,
        };
        let minilm = minilm::start(wanted).await?;
        let memory = Arc::new(Memory {
            known: Mutex::new(known),
            computed: AtomicUsize::new(0),
            model: format!("{}/v1/embeddings", minilm.url()),
            client: reqwest::Client::new(),
            runtime: Handle::current(),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/v1/embeddings", listener.local_addr()?);
        let settings = embedder_http::Settings::default();
        let routes = embedder_http::router(Remembering(Arc::clone(&memory)), settings);
        Ok(Self {
            url,
            memory,
            minilm,
            server: tokio::spawn(embedder_http::serve(listener, routes)),
        })
    }

    /// How many texts the model itself was asked for.
    pub(super) fn computed(&self) -> usize {
        self.memory.computed.load(Ordering::Relaxed)
    }

    /// Ends it, and writes down what is new.
    pub(super) async fn stop(self) -> Result<(), Error> {
        self.server.abort();
        self.minilm.stop().await?;
        if self.memory.computed.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        let file = file();
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // In one step: another run may be reading.
        let beside = file.with_extension(std::process::id().to_string());
        std::fs::File::create(&beside)?.write_all(&written(&self.memory.known()))?;
        std::fs::rename(beside, file)?;
        Ok(())
    }
}

/// The vectors that a model of OpenAI's shape has for texts, in their order; `url` ends with `/v1/embeddings`.
pub(in crate::bench) async fn asked<T: serde::Serialize>(
    client: &reqwest::Client,
    url: &str,
    texts: &[T],
) -> Result<Vec<Vec<f32>>, Error> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        embedding: Vec<f32>,
    }
    let body = json!({ "model": NAME, "input": texts }).to_string();
    let request = client.post(url).header(CONTENT_TYPE, "application/json");
    let answer = request.body(body).send().await?.error_for_status()?;
    let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(answer.data.into_iter().map(|one| one.embedding).collect())
}

impl Memory {
    fn known(&self) -> MutexGuard<'_, HashMap<Key, Vec<f32>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn compute(&self, texts: &[&String]) -> Result<Vec<Vec<f32>>, ModelError> {
        let vectors = asked(&self.client, &self.model, texts).await?;
        let sound = vectors.iter().all(|vector| vector.len() == DIMENSIONS);
        if vectors.len() == texts.len() && sound {
            Ok(vectors)
        } else {
            Err("the model answered other vectors than it was asked for".into())
        }
    }
}

impl EmbeddingModel for Remembering {
    fn name(&self) -> &str {
        NAME
    }

    fn dimensions(&self) -> usize {
        DIMENSIONS
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        let memory = &self.0;
        let unknown: Vec<&String> = {
            let known = memory.known();
            let unknown = texts.iter().filter(|text| !known.contains_key(&key(text)));
            unknown.collect()
        };
        if !unknown.is_empty() {
            let vectors = memory.runtime.block_on(memory.compute(&unknown))?;
            memory.computed.fetch_add(unknown.len(), Ordering::Relaxed);
            let keys = unknown.iter().map(|text| key(text));
            memory.known().extend(keys.zip(vectors));
        }
        let known = memory.known();
        let found = texts.iter().map(|text| {
            let vector = known.get(&key(text)).cloned();
            // Nobody here reads what a text cost.
            vector.map(|vector| Embedding { vector, tokens: 0 })
        });
        found
            .collect::<Option<_>>()
            .ok_or_else(|| "a vector was lost".into())
    }
}

fn file() -> PathBuf {
    workspace().join(format!(".dev/bench/recall/{NAME}.vectors"))
}

fn key(text: &str) -> Key {
    Sha256::digest(text).into()
}

/// The records of a file; a broken end is not read.
fn read(bytes: &[u8]) -> HashMap<Key, Vec<f32>> {
    let records = bytes.chunks_exact(RECORD).filter_map(|record| {
        let (key, vector) = record.split_first_chunk::<32>()?;
        let (numbers, _) = vector.as_chunks::<4>();
        Some((
            *key,
            numbers
                .iter()
                .map(|four| f32::from_le_bytes(*four))
                .collect(),
        ))
    });
    records.collect()
}

fn written(known: &HashMap<Key, Vec<f32>>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(known.len() * RECORD);
    for (key, vector) in known {
        bytes.extend_from_slice(key);
        bytes.extend(vector.iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{DIMENSIONS, RECORD, key, read, written};

    #[test]
    fn vectors_are_read_as_they_were_written() {
        let vector = |begin: f32| (0..DIMENSIONS).map(|n| begin / (n + 1) as f32).collect();
        let known: HashMap<_, Vec<f32>> =
            HashMap::from([(key("tea"), vector(0.3)), (key("milk"), vector(-1.7))]);
        let mut bytes = written(&known);
        assert_eq!(bytes.len(), 2 * RECORD);
        assert_eq!(read(&bytes), known);
        bytes.truncate(2 * RECORD - 1);
        assert_eq!(read(&bytes).len(), 1);
    }
}
