//! The deployment's configuration: read once at start, and a bad value is named.

mod callers;
pub mod env;
mod limits;
mod secret;

use std::fmt;
use std::str::FromStr;

use reqwest::Url;

pub use self::callers::{Cors, Tokens};
use self::env::Variable;
pub use self::limits::{LimitClass, Limits, Rule};
pub use self::secret::Secret;
use crate::contract::bodies::Role;

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

/// QStash.
#[derive(Debug, Clone)]
pub struct QStash {
    /// The API's base, without a trailing slash.
    pub url: String,
    /// Nothing is published without it.
    pub token: Option<Secret>,
    /// The URL group.
    pub topic: String,
    /// Deliveries after the first, before QStash gives up.
    pub retries: usize,
    /// Deliveries of one user at once.
    pub user_parallelism: usize,
    /// Backfill jobs of one user a minute.
    pub backfill_rate: usize,
    /// The current and the next signing key.
    pub signing_keys: Vec<Secret>,
}

/// A provider in OpenAI's shape.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// The endpoint, whole.
    pub url: String,
    /// A bearer token.
    pub key: Option<Secret>,
    /// As it is sent, and as it stands beside each embedding.
    pub model: String,
    /// The length of a vector.
    pub dimensions: usize,
}

/// Which of Mem0's two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mem0Api {
    /// `api.mem0.ai`.
    Platform,
    /// The self-hosted server.
    Server,
}

/// Mem0.
#[derive(Debug, Clone)]
pub struct Mem0 {
    /// How it is spoken to.
    pub api: Mem0Api,
    /// The base, without a trailing slash.
    pub url: String,
    /// Its key; a self-hosted server may have none.
    pub key: Option<Secret>,
    /// The roles whose turns are pushed.
    pub roles: Vec<Role>,
    /// Whether it extracts facts.
    pub infer: bool,
    /// Calls at once.
    pub concurrency: usize,
}

/// Upstash Redis by its REST API.
#[derive(Debug, Clone)]
pub struct Redis {
    /// The base, without a trailing slash.
    pub url: String,
    /// A bearer token.
    pub token: Secret,
}

/// How jobs are tried and swept.
#[derive(Debug, Clone, Copy)]
pub struct Jobs {
    /// Failed attempts after which a turn is given up.
    pub attempts: i32,
    /// Seconds that a provider may take for one attempt.
    pub work_seconds: i32,
    /// Jobs per adapter and sweep.
    pub sweep_batch: i32,
    /// Seconds that a sweep may work by itself.
    pub sweep_seconds: i32,
}

impl Jobs {
    /// How long a provider may take for one attempt.
    pub fn work(self) -> std::time::Duration {
        std::time::Duration::from_secs(self.work_seconds.unsigned_abs().into())
    }
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
            public_url: source.url(env::MEMORY_PUBLIC_URL, "http://127.0.0.1:3000")?,
            qstash: QStash {
                url: source.url(env::QSTASH_URL, "https://qstash.upstash.io")?,
                token: source.get(env::QSTASH_TOKEN).map(Secret::new),
                topic: source.or(env::QSTASH_TOPIC, "memory.sync"),
                retries: source.whole(env::QSTASH_RETRIES, 0..=20, 3)?,
                user_parallelism: source.whole(env::QSTASH_USER_PARALLELISM, 1..=100, 4)?,
                backfill_rate: source.whole(env::QSTASH_BACKFILL_RATE, 1..=1000, 30)?,
                signing_keys: [
                    env::QSTASH_CURRENT_SIGNING_KEY,
                    env::QSTASH_NEXT_SIGNING_KEY,
                ]
                .into_iter()
                .filter_map(|variable| source.get(variable).map(Secret::new))
                .collect(),
            },
            embeddings: match source.get(env::EMBEDDINGS_URL) {
                None => None,
                Some(_) => Some(Embeddings {
                    url: source.url(env::EMBEDDINGS_URL, "")?,
                    key: source.get(env::EMBEDDINGS_API_KEY).map(Secret::new),
                    model: source.or(env::EMBEDDINGS_MODEL, "gte-small"),
                    dimensions: source.whole(env::EMBEDDINGS_DIMENSIONS, 1..=4000, 384)?,
                }),
            },
            next_embeddings: match source.get(env::EMBEDDINGS_NEXT_URL) {
                None => None,
                Some(_) => Some(Embeddings {
                    url: source.url(env::EMBEDDINGS_NEXT_URL, "")?,
                    key: source.get(env::EMBEDDINGS_NEXT_API_KEY).map(Secret::new),
                    model: source.required(env::EMBEDDINGS_NEXT_MODEL)?,
                    dimensions: source.whole(env::EMBEDDINGS_NEXT_DIMENSIONS, 1..=4000, 384)?,
                }),
            },
            mem0: source.mem0()?,
            redis: match source.get(env::UPSTASH_REDIS_REST_URL) {
                None => None,
                Some(_) => Some(Redis {
                    url: source.url(env::UPSTASH_REDIS_REST_URL, "")?,
                    token: source
                        .required(env::UPSTASH_REDIS_REST_TOKEN)
                        .map(Secret::new)?,
                }),
            },
            limits: source.limits()?,
            jobs: Jobs {
                attempts: source.whole(env::MEMORY_JOB_ATTEMPTS, 1..=100, 10)?,
                work_seconds: source.whole(env::MEMORY_JOB_SECONDS, 1..=40, 20)?,
                sweep_batch: source.whole(env::MEMORY_SWEEP_BATCH, 1..=1000, 100)?,
                sweep_seconds: source.whole(env::MEMORY_SWEEP_SECONDS, 1..=50, 20)?,
            },
            outbound_ca: source.pem(env::OUTBOUND_CA_PEM)?,
            enabled: source.flag(env::MEMORY_ORCHESTRATOR_ENABLED, true)?,
        })
    }
}

struct Source<'a, F: Fn(&str) -> Option<String>>(&'a F);

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    fn get(&self, variable: Variable) -> Option<String> {
        (self.0)(variable.name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn or(&self, variable: Variable, default: &str) -> String {
        self.get(variable).unwrap_or_else(|| default.to_owned())
    }

    fn required(&self, variable: Variable) -> Result<String, ConfigError> {
        self.get(variable)
            .ok_or_else(|| fault(variable, "is missing"))
    }

    fn url(&self, variable: Variable, default: &str) -> Result<String, ConfigError> {
        let text = self.or(variable, default);
        match Url::parse(&text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(text.trim_end_matches('/').to_owned())
            }
            _ => Err(fault(variable, "is not an http(s) URL")),
        }
    }

    /// Mem0 is used when its key or its address is set.
    fn mem0(&self) -> Result<Option<Mem0>, ConfigError> {
        let key = self.get(env::MEM0_API_KEY).map(Secret::new);
        let api = match self.get(env::MEM0_API).as_deref() {
            None | Some("platform") => Mem0Api::Platform,
            Some("server") => Mem0Api::Server,
            Some(_) => return Err(fault(env::MEM0_API, "is neither platform nor server")),
        };
        if key.is_none() && self.get(env::MEM0_URL).is_none() {
            return Ok(None);
        }
        let default = match api {
            Mem0Api::Platform => "https://api.mem0.ai",
            Mem0Api::Server => "",
        };
        let roles = self.or(env::MEM0_ROLES, "user,assistant");
        let roles = roles
            .split(',')
            .map(|word| Role::from_word(word.trim()))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| fault(env::MEM0_ROLES, "names a role that does not exist"))?;
        Ok(Some(Mem0 {
            api,
            url: self.url(env::MEM0_URL, default)?,
            key,
            roles,
            infer: self.flag(env::MEM0_INFER, true)?,
            concurrency: self.whole(env::MEM0_CONCURRENCY, 1..=50, 4)?,
        }))
    }

    /// PEM text; `\n` as two characters is taken for a line break, as dashboards store it.
    fn pem(&self, variable: Variable) -> Result<Option<String>, ConfigError> {
        match self.get(variable).map(|text| text.replace("\\n", "\n")) {
            Some(text) if !text.starts_with("-----BEGIN CERTIFICATE-----") => {
                Err(fault(variable, "is not a PEM certificate"))
            }
            pem => Ok(pem),
        }
    }

    fn whole<N: FromStr + PartialOrd + fmt::Display>(
        &self,
        variable: Variable,
        range: std::ops::RangeInclusive<N>,
        default: N,
    ) -> Result<N, ConfigError> {
        match self.get(variable) {
            None => Ok(default),
            Some(text) => N::from_str(&text)
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    let (low, high) = (range.start(), range.end());
                    fault(
                        variable,
                        &format!("is not a whole number from {low} to {high}"),
                    )
                }),
        }
    }

    fn flag(&self, variable: Variable, default: bool) -> Result<bool, ConfigError> {
        match self.get(variable).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "on") => Ok(true),
            Some("false" | "0" | "off") => Ok(false),
            Some(_) => Err(fault(variable, "is neither true nor false")),
        }
    }
}

fn fault(variable: Variable, fault: &str) -> ConfigError {
    ConfigError {
        variable: variable.name,
        fault: fault.to_owned(),
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
