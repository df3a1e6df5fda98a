//! Mem0 and Redis. Each is used when its address or its key is set.

use super::{ConfigError, Secret, Source, env, fault};
use crate::contract::bodies::Role;

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

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn redis(&self) -> Result<Option<Redis>, ConfigError> {
        Ok(match self.get(env::UPSTASH_REDIS_REST_URL) {
            None => None,
            Some(_) => Some(Redis {
                url: self.url(env::UPSTASH_REDIS_REST_URL, "")?,
                token: self
                    .required(env::UPSTASH_REDIS_REST_TOKEN)
                    .map(Secret::new)?,
            }),
        })
    }

    /// Mem0 is used when its key or its address is set.
    pub(super) fn mem0(&self) -> Result<Option<Mem0>, ConfigError> {
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
}
