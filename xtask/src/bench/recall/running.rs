//! What is asked: Postgres, and the stack over it with the chosen embedder.

use std::collections::BTreeMap;

use devstack::embedder::minilm;
use devstack::functions::{Host, Profile, build};
use devstack::postgres::{self, Database};
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};
use uuid::Uuid;

use super::super::blocking;
use super::vectors::Vectors;
use crate::Error;

/// All that runs.
pub(super) struct Running {
    pub(super) database: Database,
    pub(super) stack: Stack,
    /// When the model is MiniLM.
    pub(super) vectors: Option<Vectors>,
}

impl Running {
    /// Builds what is not built, and starts it.
    pub(super) async fn start(
        host: Host,
        embedder: EmbedderChoice,
        fresh: bool,
    ) -> Result<Self, Error> {
        let functions = blocking(move || Ok(build(host, Profile::Dev)?)).await?;
        let mut env = BTreeMap::new();
        let mut vectors = None;
        if embedder == EmbedderChoice::MiniLm {
            let remembering = Vectors::start(fresh).await?;
            for (name, value) in [
                ("EMBEDDINGS_URL", remembering.url.clone()),
                ("EMBEDDINGS_MODEL", minilm::NAME.to_owned()),
                ("EMBEDDINGS_DIMENSIONS", minilm::DIMENSIONS.to_string()),
            ] {
                env.insert(name.to_owned(), value);
            }
            vectors = Some(remembering);
        }
        let server = postgres::shared().await?;
        let database = server
            .fresh_database(&workspace().join("migrations"))
            .await?;
        let settings = StackSettings {
            functions,
            port: None,
            database_url: database.function_url(),
            database_ca: None,
            jwt_secret: Uuid::new_v4().to_string(),
            // MiniLM is ours, and stands in `env`.
            embedder: match embedder {
                EmbedderChoice::MiniLm => EmbedderChoice::None,
                other => other,
            },
            qstash_time_scale: 1.0,
            qstash_faults: std::sync::Arc::new(devstack::qstash::faults::NoFaults),
            redis: false,
            mem0: false,
            sweeps: false,
            log_dir: workspace().join(".dev/bench/recall/logs"),
            env,
        };
        match Stack::start(settings).await {
            Ok(stack) => Ok(Self {
                database,
                stack,
                vectors,
            }),
            Err(error) => {
                database.drop().await?;
                Err(error)
            }
        }
    }

    /// Ends it all, and keeps the vectors that were computed.
    pub(super) async fn stop(self) -> Result<(), Error> {
        self.stack.stop().await;
        if let Some(vectors) = self.vectors {
            vectors.stop().await?;
        }
        self.database.drop().await?;
        Ok(())
    }
}
