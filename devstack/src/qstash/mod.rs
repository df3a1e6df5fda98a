//! An in-process emulator of Upstash QStash's HTTP contract.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use devstack::qstash::{Qstash, Settings};
//!
//! let qstash = Qstash::start(Settings { time_scale: 0.01, ..Settings::default() }).await?;
//! println!("QSTASH_URL={} QSTASH_TOKEN={}", qstash.url(), qstash.token());
//! // … publish …
//! qstash.idle().await;
//! assert_eq!(qstash.failed(), 0);
//! qstash.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! Sources: QStash's OpenAPI document and feature pages, and what the official SDKs send and read; the SDKs
//! themselves are run against it in `tests/sdk`. State is in memory: QStash is a transport, what must not be
//! lost is in Postgres.
//!
//! The way of a message: `publish` or `batch` accepts it (`headers`, `dedup`, `topics`), `deliver` sees it through (`flow`
//! and `queues` hold it back, `sign` vouches for it, `retry` says when it is tried again), `callback` tells what
//! became of it, and `dlq` keeps it if it was given up. `schedules` publish by their `cron`. [`faults`] is where
//! tests make it misbehave.
//!
//! # Time
//! `Settings::time_scale` multiplies what the contract says to wait: `Upstash-Delay` and `Upstash-Not-Before`,
//! the time between retries (a `Retry-After` included), the period of a flow-control rate and the time between
//! a schedule's firings. Timeouts, signatures and the ten minutes of deduplication stay real.
//!
//! # Where it differs
//! Destinations on loopback are allowed, URLs may be plain HTTP, cron runs in UTC only, fields are not
//! redacted in listings, and nothing is limited by a plan.

mod batch;
mod callback;
mod clock;
mod core;
mod cron;
mod dedup;
mod deliver;
mod dlq;
mod duration;
mod expression;
pub mod faults;
mod filter;
mod flow;
mod headers;
mod logs;
mod message;
mod messages;
mod publish;
mod queues;
mod refusal;
mod retry;
mod schedules;
mod server;
mod sign;
#[cfg(test)]
mod tests;
mod topics;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_native_tls::{
    TlsAcceptor,
    native_tls::{self, Identity},
};
use uuid::Uuid;

use self::{
    core::{Core, lock},
    faults::{Faults, NoFaults},
};

pub use self::sign::SigningKeys;

/// How long [`Qstash::stop`] waits for deliveries that are under way.
const GRACE: Duration = Duration::from_secs(5);

/// How an emulator is to run.
pub struct Settings {
    /// Where to listen; by default a free port of 127.0.0.1.
    pub address: SocketAddr,
    /// The bearer token that clients must send; random by default.
    pub token: String,
    /// The keys that deliveries are signed with; random by default.
    pub signing_keys: SigningKeys,
    /// How long waits last against the contract, for example 0.01 in tests; at least 0.0001.
    pub time_scale: f64,
    /// How long a destination may take, unless `Upstash-Timeout` says otherwise.
    pub timeout: Duration,
    /// The largest body of a message in bytes; 1 MB by default, as on QStash's smallest plan.
    pub max_body: usize,
    /// Serves HTTPS with this identity instead of plain HTTP.
    pub tls: Option<TlsIdentity>,
    /// What is to go wrong; nothing by default.
    pub faults: Arc<dyn Faults>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            token: format!("local_{}", Uuid::new_v4().simple()),
            signing_keys: SigningKeys::random(),
            time_scale: 1.0,
            timeout: Duration::from_secs(60),
            max_body: 1_000_000,
            tls: None,
            faults: Arc::new(NoFaults),
        }
    }
}

/// A certificate with its key.
pub enum TlsIdentity {
    /// A PKCS#12 archive and its password.
    Pkcs12 {
        /// The archive, DER.
        der: Vec<u8>,
        /// Its password.
        password: String,
    },
    /// PEM texts.
    Pem {
        /// The certificate, followed by its issuers if there are any.
        chain: Vec<u8>,
        /// The PKCS#8 key.
        key: Vec<u8>,
    },
}

impl TlsIdentity {
    fn acceptor(&self) -> native_tls::Result<TlsAcceptor> {
        let identity = match self {
            Self::Pkcs12 { der, password } => Identity::from_pkcs12(der, password)?,
            Self::Pem { chain, key } => Identity::from_pkcs8(chain, key)?,
        };
        Ok(native_tls::TlsAcceptor::new(identity)?.into())
    }
}

/// A running emulator. Dropping it stops it at once, [`Qstash::stop`] gently.
pub struct Qstash {
    core: Arc<Core>,
    url: String,
    server: JoinHandle<()>,
}

impl Qstash {
    /// Listens and serves until it is stopped.
    ///
    /// # Errors
    /// When the address cannot be bound, or the TLS identity is not one.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let tls = settings.tls.as_ref().map(TlsIdentity::acceptor);
        let tls = tls.transpose().map_err(io::Error::other)?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = TcpListener::bind(settings.address).await?;
        let url = format!("{scheme}://{}", listener.local_addr()?);
        let core = Arc::new(Core::new(settings).map_err(io::Error::other)?);
        let service = server::router(Arc::clone(&core));
        let service = service.into_make_service_with_connect_info::<server::Peer>();
        let connections = server::Connections::new(listener, tls)?;
        let stopping = Arc::clone(&core);
        let server = tokio::spawn(async move {
            let serve = axum::serve(connections, service)
                .with_graceful_shutdown(async move { stopping.stopped().await });
            // Documented never to return an error.
            let _ = serve.await;
        });
        Ok(Self { core, url, server })
    }

    /// The base URL, for `QSTASH_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The bearer token, for `QSTASH_TOKEN`.
    pub fn token(&self) -> &str {
        &self.core.token
    }

    /// The keys that deliveries are signed with at the moment.
    pub fn signing_keys(&self) -> SigningKeys {
        lock(&self.core.keys).clone()
    }

    /// Every request of a client as it came, `METHOD /path?query`, headers but for the token and body, whatever became of
    /// it; the latest 10,000.
    pub fn received(&self) -> Vec<String> {
        self.core.received.all()
    }

    /// How many messages were delivered, callbacks included.
    pub fn delivered(&self) -> u64 {
        self.core.delivered.load(Ordering::Relaxed)
    }

    /// How many messages were given up, callbacks included.
    pub fn failed(&self) -> u64 {
        self.core.failed.load(Ordering::Relaxed)
    }

    /// Resolves when no message is queued, waiting or in flight. Schedules do not count until they fire.
    pub async fn idle(&self) {
        self.core.idle().await;
    }

    /// Fires a schedule now, whatever its cron expression says, and gone or not; false if there is none of this id.
    pub fn fire(&self, schedule_id: &str) -> bool {
        schedules::fire(&self.core, schedule_id).is_ok()
    }

    /// Accepts nothing more, drops what is waiting, and lets what is under way end for up to five seconds.
    pub async fn stop(mut self) {
        self.core.stop();
        let _ = tokio::time::timeout(GRACE, self.core.idle()).await;
        let _ = tokio::time::timeout(GRACE, &mut self.server).await;
    }
}

impl Drop for Qstash {
    fn drop(&mut self) {
        self.core.stop();
        self.server.abort();
        for (_, task) in lock(&self.core.pending).values() {
            task.abort();
        }
        lock(&self.core.schedules).clear();
    }
}
