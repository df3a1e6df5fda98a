//! A real, private redis-server behind Upstash's REST protocol.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use devstack::redis::{Redis, Settings};
//!
//! let redis = Redis::start(Settings::default()).await?;
//! println!("UPSTASH_REDIS_REST_URL={} UPSTASH_REDIS_REST_TOKEN={}", redis.url(), redis.token());
//! assert_eq!(redis.command(&["PING"]).await, "PONG");
//! redis.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Sources: Upstash, "REST API", and what the official `@upstash/redis` and `@upstash/ratelimit` send and read; they
//! are run against it (`tests/sdk/redis.mjs`).
//!
//! ```text
//! install    -> the program, with apt-get where it is missing and we may
//! server     -> its process: loopback, nothing on disk but a log, gone when we are
//! resp, pool -> the protocol of Redis (RESP2), and connections
//! command    -> from a request to the words of a command;  scripts -> what Redis 7.0 does not take of Lua
//! answer     -> from a reply to JSON
//! rest       -> the routes;  faults, connection -> where tests make them misbehave
//! ```
//!
//! # Where it differs from Upstash
//! It is Redis 7, so what Upstash leaves out or adds (JSON, search) is as Redis has it; subscriptions, `MONITOR`,
//! the format `resp2` and the read-only token are not there; no plan limits anything.

mod answer;
mod command;
mod connection;
mod error;
mod faults;
mod install;
mod pool;
mod resp;
mod rest;
mod scripts;
mod server;
#[cfg(test)]
mod tests;

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use uuid::Uuid;

use self::{answer::Encoding, connection::Connections, pool::Pool, scripts::Scripts};
use crate::received::Received;

pub use self::{
    error::Error,
    faults::{Fault, Faults},
};

/// How long [`Redis::stop`] lets redis-server take.
const PATIENCE: Duration = Duration::from_secs(2);

/// What to start.
#[derive(Clone)]
pub struct Settings {
    /// The folder for what the server says while it starts; made if missing.
    pub folder: PathBuf,
    /// The port of the REST side on 127.0.0.1; a free one if none is given.
    pub port: Option<u16>,
    /// The bearer token that clients must send; random by default.
    pub token: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            folder: crate::workspace().join(".dev/redis"),
            port: None,
            token: Uuid::new_v4().simple().to_string(),
        }
    }
}

/// A running Redis with its REST side. Dropped, or when this process ends in any way, both end.
pub struct Redis {
    core: Arc<Core>,
    url: String,
    port: u16,
    serving: JoinHandle<()>,
    server: server::Server,
}

/// What a request is served with.
struct Core {
    token: String,
    pool: Pool,
    scripts: Mutex<Scripts>,
    faults: Faults,
    received: Received,
}

impl Redis {
    /// Makes sure that there is a redis-server on this machine. Blocking, for a while the first time.
    ///
    /// # Errors
    /// When it is missing and cannot be installed; the text says how to.
    pub fn ensure_installed() -> Result<(), Error> {
        install::find_or_install().map(drop)
    }

    /// Starts a redis-server on a free port and serves it by REST; ready when it returns.
    ///
    /// # Errors
    /// When there is no redis-server, a port is taken, or it does not become ready in time.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let (server, pool) = server::Server::start(&settings.folder).await?;
        let address = (Ipv4Addr::LOCALHOST, settings.port.unwrap_or(0));
        let listening = Error::io("listen for the REST side of redis");
        let listener = TcpListener::bind(address).await.map_err(listening)?;
        let address = listener
            .local_addr()
            .map_err(Error::io("find the port of redis"))?;
        let core = Arc::new(Core {
            token: settings.token,
            pool,
            scripts: Mutex::default(),
            faults: Faults::default(),
            received: Received::default(),
        });
        let connections = Connections::new(listener, core.faults.clone());
        let routes = rest::router(Arc::clone(&core));
        let serving = tokio::spawn(async move {
            // Documented never to return an error.
            let _ = axum::serve(connections, routes).await;
        });
        Ok(Self {
            core,
            url: format!("http://{address}"),
            port: address.port(),
            serving,
            server,
        })
    }

    /// The base URL, for `UPSTASH_REDIS_REST_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token, for `UPSTASH_REDIS_REST_TOKEN`.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.core.token
    }

    /// The port of the REST side.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of redis-server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// What is to go wrong, and how many requests came.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// Every request as it came, `METHOD /path?query`, headers but for the token and body, whatever became of it; the
    /// latest 10,000.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        self.core.received.all()
    }

    /// Asks redis-server itself, past the REST side and its faults: any command, for tests. The result as REST would
    /// have it, or `{"error": …}`.
    pub async fn command(&self, words: &[&str]) -> Value {
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        match self.core.pool.run(&[words]).await {
            Ok(replies) => {
                let one = replies.into_iter().next();
                one.map_or(Value::Null, |reply| {
                    answer::result(reply, Encoding::Plain).unwrap_or_else(answer::error)
                })
            }
            Err(error) => answer::error(error.to_string()),
        }
    }

    /// Stops both; the port is free again afterwards.
    pub async fn stop(mut self) {
        self.serving.abort();
        let _ = (&mut self.serving).await;
        // Connections under way have tasks of their own: they are cut.
        self.core.faults.set(Fault::Cut);
        // Only a panic in it could be reported here.
        let mut server = self.server.take();
        let _ = tokio::task::spawn_blocking(move || server.stop(PATIENCE)).await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.serving.abort();
        self.core.faults.set(Fault::Cut);
    }
}
