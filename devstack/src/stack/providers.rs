//! What the functions may ask: the embedder, Redis, Mem0. Each by itself, and none is needed.

use std::collections::BTreeMap;

use super::{EmbedderChoice, Error, StackSettings, workspace};
use crate::{
    embedder::{self, Embedder, lexical, minilm},
    mem0::{self, Mem0},
    redis::{self, Redis},
};

/// Those that run.
pub(super) struct Providers {
    pub(super) embedder: Option<Embedder>,
    pub(super) minilm: Option<minilm::MiniLm>,
    pub(super) redis: Option<Redis>,
    pub(super) mem0: Option<Mem0>,
}

impl Providers {
    pub(super) async fn start(settings: &StackSettings) -> Result<Self, Error> {
        let (mut embedder, mut minilm) = (None, None);
        match settings.embedder {
            EmbedderChoice::None => {}
            EmbedderChoice::Lexical => {
                embedder = Some(Embedder::start(embedder::Settings::default())?);
            }
            EmbedderChoice::MiniLm => {
                let wanted = minilm::Settings {
                    workspace: workspace().to_owned(),
                    port: None,
                    api_key: None,
                };
                minilm = Some(minilm::start(wanted).await?);
            }
        }
        Ok(Self {
            embedder,
            minilm,
            redis: if settings.redis { redis().await? } else { None },
            mem0: if settings.mem0 {
                Some(Mem0::start(mem0::Settings::default()).await?)
            } else {
                None
            },
        })
    }

    /// Where the functions find them.
    pub(super) fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let mut set = |name: &str, value: &str| {
            env.insert(name.to_owned(), value.to_owned());
        };
        let lexical = self.embedder.as_ref().map(|it| (it.url(), lexical::NAME));
        let minilm = self.minilm.as_ref().map(|it| (it.url(), minilm::NAME));
        if let Some((base, model)) = lexical.or(minilm) {
            set("EMBEDDINGS_URL", &format!("{base}/v1/embeddings"));
            set("EMBEDDINGS_MODEL", model);
            set("EMBEDDINGS_DIMENSIONS", "384");
        }
        if let Some(redis) = &self.redis {
            set("UPSTASH_REDIS_REST_URL", redis.url());
            set("UPSTASH_REDIS_REST_TOKEN", redis.token());
        }
        if let Some(mem0) = &self.mem0 {
            set("MEM0_URL", mem0.url());
            set("MEM0_API_KEY", mem0.api_key());
        }
        env
    }
}

/// A Redis, unless this machine has none and cannot get it.
async fn redis() -> Result<Option<Redis>, Error> {
    match Redis::start(redis::Settings::default()).await {
        Ok(redis) => Ok(Some(redis)),
        Err(missing @ redis::Error::Unavailable(_)) => {
            crate::skipped(&format!("Redis: {missing}"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
