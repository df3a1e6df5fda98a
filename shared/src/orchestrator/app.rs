//! What a function instance holds between requests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::cache::Cache;
use super::rate_limit::RateLimits;
use crate::adapters::embeddings::Embedder;
use crate::adapters::http::Outbound;
use crate::adapters::mem0::Mem0;
use crate::adapters::supabase::Supabase;
use crate::adapters::upstash::qstash::QStash;
use crate::adapters::upstash::ratelimit::RateLimit;
use crate::adapters::upstash::redis::Redis;
use crate::auth::Verifier;
use crate::config::{self, Config, ConfigError};
use crate::contract::bodies::Role;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;
use crate::redact::Redactor;

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
    /// The same, for QStash's deliveries: a delivery has no token, so the issuer's keys wait for a call that has one.
    Jobs,
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
    /// Makes of what users said what may leave. Ready at once: only patterns of the deployment's own are compiled.
    pub redactor: Arc<Redactor>,
    /// What keyed hashes are made with.
    pub hash_secret: config::Secret,
    /// The embeddings provider, when there is one.
    pub embedder: Option<Embedder>,
    /// The one that is being moved to: turns are embedded with it too, searches do not ask it.
    pub next_embedder: Option<Embedder>,
    /// Mem0, when it is used.
    pub mem0: Option<Mem0>,
    /// Redis, when it is used.
    pub cache: Option<Cache>,
    /// How much a user may ask for, when that is limited.
    pub limits: Option<RateLimits>,
    /// Attempts and sweeps.
    pub jobs: config::Jobs,
    /// Whose turns each configured adapter takes: `{adapter: [role]}`.
    pub job_adapters: Value,
    /// Who may call.
    pub verifier: Verifier,
    /// From which pages a browser may call.
    pub cors: config::Cors,
    /// Where QStash reaches us.
    pub public_url: String,
    /// The flag `memory.orchestrator.enabled`.
    pub enabled: bool,
}

impl App {
    /// Puts the adapters together. Connects to nothing.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let job_adapters = job_adapters(&config);
        let outbound = Arc::new(Outbound::new(config.outbound_ca.clone()));
        let redactor = Arc::new(Redactor::new(config.redaction));
        let embedder = |embeddings: Option<config::Embeddings>| {
            embeddings.map(|embeddings| {
                Embedder::new(embeddings, Arc::clone(&redactor), Arc::clone(&outbound))
            })
        };
        let limits = match &config.redis {
            Some(redis) if !config.limits.is_empty() => {
                let counters = RateLimit::new(Redis::new(redis.clone(), Arc::clone(&outbound)));
                Some(RateLimits::new(counters, config.limits))
            }
            _ => None,
        };
        let cache = config.redis.map(|redis| {
            let redis = Redis::new(redis, Arc::clone(&outbound));
            Cache::new(redis, &config.hash_secret, config.embeddings.as_ref())
        });
        Ok(Self {
            supabase: Supabase::new(config.database)?,
            qstash: QStash::new(config.qstash, &config.public_url, Arc::clone(&outbound)),
            job_adapters,
            embedder: embedder(config.embeddings),
            next_embedder: embedder(config.next_embeddings),
            redactor,
            hash_secret: config.hash_secret,
            mem0: config
                .mem0
                .map(|mem0| Mem0::new(mem0, Arc::clone(&outbound))),
            cache,
            limits,
            jobs: config.jobs,
            verifier: Verifier::new(config.tokens, &outbound),
            cors: config.cors,
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

    /// Opens what an endpoint needs, and asks for the issuer's keys where callers have tokens. What fails here shows
    /// itself in the request that needs it.
    pub async fn warm(&self, needs: Needs) {
        let deadline = Deadline::after(WARM_UP);
        match needs {
            Needs::Nothing => {}
            Needs::Database => {
                tokio::join!(
                    self.verifier.warm(),
                    self.supabase.warm(deadline),
                    self.warm_limits(deadline)
                );
            }
            Needs::Vectors => {
                tokio::join!(
                    self.verifier.warm(),
                    self.supabase.warm_vectors(deadline),
                    self.warm_cache(deadline)
                );
            }
            Needs::Jobs => {
                tokio::join!(
                    self.supabase.warm_vectors(deadline),
                    self.warm_cache(deadline)
                );
            }
            Needs::DatabaseAndQStash => {
                tokio::join!(
                    self.verifier.warm(),
                    self.supabase.warm(deadline),
                    self.qstash.warm(deadline),
                    self.warm_cache(deadline)
                );
            }
        }
    }

    async fn warm_cache(&self, deadline: Deadline) {
        if let Some(cache) = &self.cache {
            cache.warm(deadline).await;
        }
    }

    /// For what does not warm the cache: the two share their connections.
    async fn warm_limits(&self, deadline: Deadline) {
        if let Some(limits) = &self.limits {
            limits.warm(deadline).await;
        }
    }

    /// Makes what is cached of a user's contexts stale: something was committed that changes them.
    pub async fn forget_contexts(&self, user: UserId) {
        if let Some(cache) = &self.cache {
            cache.invalidate(user).await;
        }
    }

    /// Whether an adapter's jobs can be worked here.
    pub fn does(&self, adapter: JobAdapter) -> bool {
        match adapter {
            JobAdapter::Embed => self.embedder.is_some(),
            JobAdapter::Mem0 => self.mem0.is_some(),
        }
    }
}

/// Every text is embedded; Mem0 gets what people said, and not a tool's noise.
fn job_adapters(config: &Config) -> Value {
    let mut adapters = json!({});
    if config.embeddings.is_some() {
        adapters["embed"] = Role::ALL.iter().map(|role| role.as_str()).collect();
    }
    if let Some(mem0) = &config.mem0 {
        adapters["mem0"] = mem0.roles.iter().map(|role| role.as_str()).collect();
    }
    adapters
}
