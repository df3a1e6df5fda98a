//! The deployment's configuration: read once at start, and a bad value is named.

mod callers;
mod embeddings;
pub mod env;
mod jobs;
mod limits;
mod providers;
mod redaction;
mod secret;
mod source;

use std::fmt;

pub use self::callers::{Cors, Tokens};
pub use self::embeddings::{Embeddings, EmbeddingsProvider};
pub use self::jobs::{Jobs, QStash};
pub use self::limits::{LimitClass, Limits, Rule};
pub use self::providers::{Mem0, Mem0Api, Redis};
pub use self::secret::Secret;
use self::source::{Source, fault};
use crate::redact;

/// Everything a function is told from outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Postgres.
    pub database: Database,
    /// Who may call.
    pub tokens: Tokens,
    /// From which pages a browser may call.
    pub cors: Cors,
    /// What keyed hashes are made with.
    pub hash_secret: Secret,
    /// What is replaced before a text leaves.
    pub redaction: redact::Config,
    /// Where QStash reaches us; without a trailing slash.
    pub public_url: String,
    /// QStash.
    pub qstash: QStash,
    /// The embeddings provider, when there is one.
    pub embeddings: Option<Embeddings>,
    /// The one that is being moved to.
    pub next_embeddings: Option<Embeddings>,
    /// Mem0, when it is used.
    pub mem0: Option<Mem0>,
    /// Upstash Redis, when it is used.
    pub redis: Option<Redis>,
    /// How much a user may ask for.
    pub limits: Limits,
    /// Attempts and sweeps.
    pub jobs: Jobs,
    /// Roots to trust beside Mozilla's on HTTPS calls, PEM.
    pub outbound_ca: Option<String>,
    /// `memory.orchestrator.enabled`.
    pub enabled: bool,
}

/// Postgres.
#[derive(Debug, Clone)]
pub struct Database {
    /// With the password.
    pub url: Secret,
    /// PEM.
    pub ca: Option<String>,
    /// Connections per instance.
    pub pool_size: usize,
}

/// A variable that is missing or malformed. Never shows a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Which one.
    pub variable: &'static str,
    /// What is wrong.
    pub fault: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.fault)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the process's environment.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from(|name| std::env::var(name).ok())
    }

    /// Reads variables through `look_up`; an empty value counts as absent.
    pub fn from(look_up: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let source = Source(&look_up);
        Ok(Self {
            database: Database {
                url: source.required(env::DATABASE_URL).map(Secret::new)?,
                ca: source.pem(env::DATABASE_CA_PEM)?,
                pool_size: source.whole(env::DATABASE_POOL_SIZE, 1..=50, 4)?,
            },
            tokens: source.tokens()?,
            cors: source.cors()?,
            hash_secret: source.hash_secret()?,
            redaction: source.redaction()?,
            public_url: source.url(env::MEMORY_PUBLIC_URL, "http://127.0.0.1:3000")?,
            qstash: source.qstash()?,
            embeddings: source.embeddings()?,
            next_embeddings: source.next_embeddings()?,
            mem0: source.mem0()?,
            redis: source.redis()?,
            limits: source.limits()?,
            jobs: source.jobs()?,
            outbound_ca: source.pem(env::OUTBOUND_CA_PEM)?,
            enabled: source.flag(env::MEMORY_ORCHESTRATOR_ENABLED, true)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from(|name| {
            let base = [
                ("DATABASE_URL", "postgres://x"),
                ("SUPABASE_JWT_SECRET", "hush"),
            ];
            let all = extra.iter().chain(base.iter());
            all.clone()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_stand() {
        let config = read(&[]).unwrap();
        assert_eq!(config.qstash.topic, "memory.sync");
        assert!(config.embeddings.is_none());
        assert!(config.enabled);
    }

    #[test]
    fn a_bad_value_is_named_and_never_shown() {
        for (name, value) in [
            ("SUPABASE_JWT_SECRET", " "),
            ("QSTASH_URL", "ftp://hush"),
            ("DATABASE_POOL_SIZE", "999"),
            ("DATABASE_CA_PEM", "hush"),
            ("MEMORY_ORCHESTRATOR_ENABLED", "hush"),
            ("MEM0_API", "hush"),
            ("UPSTASH_REDIS_REST_URL", "hush"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, name);
            assert!(!error.to_string().contains("hush"));
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        assert!(!format!("{:?}", read(&[]).unwrap()).contains("hush"));
    }
}
