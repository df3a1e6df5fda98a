//! Mem0 for development and tests: a fake that speaks both of its APIs, and the real engine.
//!
//! [`Mem0`] is a fake in memory. It keeps each message as one memory, the same message twice as two,
//! and speaks the platform's API (v3 for adding, listing and searching; adds and deletions are done
//! after a delay, as events) and the self-hosted server's, over the same memories. Its [`Faults`]
//! make it fail as Mem0 does; what it was sent can be read from it.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! let mem0 = devstack::mem0::Mem0::start(Default::default()).await?;
//! println!("MEM0_URL={} MEM0_API_KEY={}", mem0.url(), mem0.api_key());
//! mem0.faults().fail_at_random(0.2, 7);
//! assert!(mem0.memories().is_empty());
//! mem0.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! [`RealMem0`] is the engine of PyPI's `mem0ai` behind HTTP routes like those of its server.
//!
//! Sources: <https://docs.mem0.ai/api-reference>, and `mem0/client/main.py` and `server/main.py` of
//! <https://github.com/mem0ai/mem0>.

mod admit;
mod faults;
mod filters;
mod platform;
mod real;
mod server;
mod store;
mod stub;
#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::faults::{Fault, Faults};
pub use self::real::RealMem0;
use self::store::Store;
pub use self::store::{Memory, Push};
use crate::received::Received;

/// How to start a [`Mem0`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// The port on 127.0.0.1; `None` lets the system choose.
    pub port: Option<u16>,
    /// The key that requests must carry.
    pub api_key: String,
    /// How long the platform's API takes to do what it accepted. The server's does all at once.
    pub delay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: None,
            api_key: "m0-development".to_owned(),
            delay: Duration::from_millis(20),
        }
    }
}

/// A running fake; it ends with [`Mem0::stop`] or when it is dropped.
#[derive(Debug)]
pub struct Mem0 {
    url: String,
    service: Service,
    server: JoinHandle<()>,
}

/// What the routes share.
#[derive(Debug, Clone)]
struct Service {
    api_key: String,
    store: Store,
    faults: Faults,
    received: Received,
}

impl Mem0 {
    /// Listens on 127.0.0.1; ready when it returns.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, settings.port.unwrap_or(0));
        let listener = TcpListener::bind(address).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // Else a small answer may wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
        });
        let service = Service {
            api_key: settings.api_key,
            store: Store::new(settings.delay),
            faults: Faults::default(),
            received: Received::default(),
        };
        let routes = routes(service.clone());
        let server = tokio::spawn(async move {
            // Documented never to return an error.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self {
            url,
            service,
            server,
        })
    }

    /// The base URL of both APIs, for `MEM0_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The key, for `MEM0_API_KEY`.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.service.api_key
    }

    /// The switchboard; clones share it.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }

    /// Changes how long the platform's API takes from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.service.store.set_delay(delay);
    }

    /// What is kept at the moment, in order of arrival.
    #[must_use]
    pub fn memories(&self) -> Vec<Memory> {
        self.service.store.memories()
    }

    /// Every add that was accepted, repeats included, in order of arrival.
    #[must_use]
    pub fn pushes(&self) -> Vec<Push> {
        self.service.store.pushes()
    }

    /// Every request as it came, `METHOD /path?query`, headers but for a token and body, whatever became
    /// of it; the latest 10,000. For proving that something was never sent.
    #[must_use]
    pub fn received(&self) -> Vec<String> {
        self.service.received.all()
    }

    /// Empties it: memories, events, and the records.
    pub fn forget(&self) {
        self.service.store.forget();
        self.service.received.clear();
    }

    /// Ends it; open connections are cut.
    pub async fn stop(mut self) {
        self.server.abort();
        let _ = (&mut self.server).await;
    }
}

impl Drop for Mem0 {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn routes(service: Service) -> Router {
    Router::new()
        .merge(platform::routes())
        .merge(server::routes())
        .fallback(async || (StatusCode::NOT_FOUND, "not found"))
        .layer(from_fn_with_state(service.clone(), admit::admit))
        .with_state(service.store)
}
