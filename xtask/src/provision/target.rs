//! Which deployment, on which account.

use std::sync::Arc;

use memory_orchestrator::adapters::http::Outbound;
use memory_orchestrator::adapters::upstash::qstash::{QStash, Schedule};
use memory_orchestrator::adapters::{self, ErrorKind};
use memory_orchestrator::config::{Config, env};
use reqwest::Url;

use super::plan::Wanted;
use crate::Error;

/// The topic's name unless another is configured.
const DEFAULT_TOPIC: &str = "memory.sync";

/// What a deployment asks of an account.
pub(crate) struct Target {
    pub(crate) qstash: QStash,
    pub(crate) wanted: Wanted,
    /// QStash's address.
    api: String,
}

impl Target {
    /// Reads the functions' own configuration, without what only they need. `url` goes before
    /// `MEMORY_PUBLIC_URL`.
    pub(crate) fn read(
        url: Option<&str>,
        look_up: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let name = env::MEMORY_PUBLIC_URL.name;
        if url.is_none() && look_up(name).is_none_or(|url| url.trim().is_empty()) {
            return Err(format!("{name} is missing (or name the deployment with --url)").into());
        }
        let config = Config::from(|variable| {
            if variable == env::DATABASE_URL.name || variable == env::SUPABASE_JWT_SECRET.name {
                // Required, and not looked at here.
                return Some("-".to_owned());
            }
            match url {
                Some(url) if variable == name => Some(url.to_owned()),
                _ => look_up(variable),
            }
        })?;
        Self::new(config)
    }

    /// Of a configuration that was read.
    pub(crate) fn new(config: Config) -> Result<Self, Error> {
        let (api, public_url) = (config.qstash.url.clone(), config.public_url);
        if config.qstash.token.is_none() {
            return Err(format!("{} is missing", env::QSTASH_TOKEN.name).into());
        }
        if is_loopback(&public_url) && !is_loopback(&api) {
            return Err(format!("QStash at {api} cannot reach {public_url}").into());
        }
        let wanted = Wanted::new(&config.qstash.topic, &public_url, config.mem0.is_some());
        let outbound = Arc::new(Outbound::new(config.outbound_ca));
        Ok(Self {
            qstash: QStash::new(config.qstash, &public_url, outbound),
            wanted,
            api,
        })
    }

    /// A failed call, as an operator understands it.
    pub(crate) fn explain(&self, error: &adapters::Error) -> Error {
        let api = &self.api;
        match error.kind {
            ErrorKind::Denied => format!(
                "QStash at {api} does not accept {} ({})",
                env::QSTASH_TOKEN.name,
                error.detail
            ),
            ErrorKind::Unreachable | ErrorKind::Timeout => {
                format!("QStash at {api} does not answer ({})", error.detail)
            }
            _ => format!("QStash at {api}: {error}"),
        }
        .into()
    }
}

impl Wanted {
    /// What a deployment at `public_url` needs. Deployments that share an account have a topic each,
    /// and so a schedule each.
    pub(crate) fn new(topic: &str, public_url: &str, mem0: bool) -> Self {
        let job = |name: &str| format!("{public_url}/api/jobs/{name}");
        let mut endpoints = vec![job("embed")];
        if mem0 {
            endpoints.push(job("mem0"));
        }
        Self {
            topic: topic.to_owned(),
            public_url: public_url.to_owned(),
            endpoints,
            schedule: Schedule {
                id: if topic == DEFAULT_TOPIC {
                    "memory-sweep".to_owned()
                } else {
                    format!("{topic}-sweep")
                },
                cron: "* * * * *".to_owned(),
                destination: job("sweep"),
                method: "POST".to_owned(),
                // The next minute's call is the retry.
                retries: 0,
                paused: false,
            },
        }
    }
}

/// Whether an address is on the machine that asks.
fn is_loopback(url: &str) -> bool {
    let host = Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    })
}
