//! The lexical embedder, served from a thread of its own.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Deref;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::runtime::{Builder, Runtime};

use super::dialect::{Dialect, translate};
use super::faults::{Faults, inject};
use super::lexical::Lexical;

/// Longer than a text takes to embed; connections are cut at once.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// How to start an [`Embedder`]; the default is a free port, no key, `lexical-384`.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The port on 127.0.0.1; `None` lets the system choose.
    pub port: Option<u16>,
    /// The bearer key that requests must carry, if any.
    pub api_key: Option<String>,
    /// The model.
    pub model: Lexical,
    /// Whose API it has.
    pub dialect: Dialect,
}

/// A running embedder; it ends with [`Embedder::stop`] or when it is dropped.
///
/// Its [`Faults`] are reached through it: `embedder.hang(true)`.
#[derive(Debug)]
pub struct Embedder {
    url: String,
    port: u16,
    faults: Faults,
    /// A runtime of its own: it outlives the test that started it, needs none to be started, and
    /// its end closes every connection, as a dead process would.
    runtime: Option<Runtime>,
}

impl Embedder {
    /// Listens on 127.0.0.1; ready when it returns.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("embedder")
            .enable_all()
            .build()?;
        let faults = Faults::default();
        let http = embedder_http::Settings {
            api_key: settings.api_key,
        };
        let routes = embedder_http::router(settings.model, http)
            .layer(from_fn_with_state(faults.clone(), inject));
        // Around the routes: a layer of theirs would see an address only when its route is found.
        let routes = Router::new()
            .fallback_service(routes)
            .layer(from_fn_with_state(settings.dialect, translate));
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(embedder_http::serve(listener, routes));
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            port,
            faults,
            runtime: Some(runtime),
        })
    }

    /// The base URL, without `/v1`: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port, for starting another in its place.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it: open connections are cut, new ones refused.
    pub fn stop(self) {
        drop(self);
    }
}

impl Deref for Embedder {
    type Target = Faults;

    fn deref(&self) -> &Faults {
        &self.faults
    }
}

impl Drop for Embedder {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // From a thread of its own, since a runtime may not end within another one; and waited for,
        // so that the port is free again afterwards.
        let end = std::thread::spawn(move || runtime.shutdown_timeout(SHUTDOWN));
        let _ = end.join();
    }
}
