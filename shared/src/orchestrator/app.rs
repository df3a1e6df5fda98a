//! What a function instance holds between requests.

use std::sync::Arc;
use std::time::Duration;

use crate::adapters::embeddings::Embedder;
use crate::adapters::http::Outbound;
use crate::adapters::supabase::Supabase;
use crate::adapters::upstash::qstash::QStash;
use crate::auth::Verifier;
use crate::config::{Config, ConfigError};
use crate::domain::deadline::Deadline;

/// How long a warm-up may try; the request that needs the connection tries for itself.
const WARM_UP: Duration = Duration::from_secs(3);

/// What an endpoint will use, so that it can be opened while the first request is still read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Neither.
    Nothing,
    /// The database.
    Database,
    /// The database, and how it names the type of its vectors.
    Vectors,
    /// The database and QStash.
    DatabaseAndQStash,
}

/// The adapters, shared by all requests of the instance.
#[derive(Debug)]
pub struct App {
    /// Postgres.
    pub supabase: Supabase,
    /// QStash.
    pub qstash: QStash,
    /// The embeddings provider, when there is one.
    pub embedder: Option<Embedder>,
    /// Who may call.
    pub verifier: Verifier,
    /// Where QStash reaches us.
    pub public_url: String,
    /// The flag `memory.orchestrator.enabled`.
    pub enabled: bool,
}

impl App {
    /// Puts the adapters together. Connects to nothing.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let outbound = Arc::new(Outbound::new(config.outbound_ca));
        Ok(Self {
            supabase: Supabase::new(config.database)?,
            qstash: QStash::new(config.qstash, &config.public_url, Arc::clone(&outbound)),
            embedder: config
                .embeddings
                .map(|embeddings| Embedder::new(embeddings, outbound)),
            verifier: Verifier::new(&config.tokens),
            public_url: config.public_url,
            enabled: config.enabled,
        })
    }

    /// Readies what an endpoint needs, so that a wrong configuration shows itself at once.
    pub fn prepare(self, needs: Needs) -> Result<Self, ConfigError> {
        if needs != Needs::Nothing {
            self.supabase.prepare()?;
        }
        Ok(self)
    }

    /// Opens what an endpoint needs. What fails here shows itself in the request that needs it.
    pub async fn warm(&self, needs: Needs) {
        let deadline = Deadline::after(WARM_UP);
        match needs {
            Needs::Nothing => {}
            Needs::Database => self.supabase.warm(deadline).await,
            Needs::Vectors => self.supabase.warm_vectors(deadline).await,
            Needs::DatabaseAndQStash => {
                tokio::join!(self.supabase.warm(deadline), self.qstash.warm(deadline));
            }
        }
    }

    /// The adapters that a changed turn gets a job for.
    pub fn job_adapters(&self) -> &'static [&'static str] {
        if self.embedder.is_some() {
            &["embed"]
        } else {
            &[]
        }
    }
}
