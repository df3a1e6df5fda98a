//! A local issuer of access tokens, as Supabase Auth is one with asymmetric keys: it publishes a JSON Web Key Set, and
//! the test or tool that holds a [`Key`] signs.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use devstack::issuer::{Issuer, Key};
//! let (issuer, key) = (Issuer::start().await?, Key::es256("first")?);
//! issuer.publish(&[&key]);
//! println!("SUPABASE_JWKS_URL={}", issuer.jwks_url());
//! let token = key.sign(&serde_json::json!({ "role": "authenticated" }));
//! issuer.fail_with(Some(devstack::issuer::Fault::Status(503)));
//! # Ok(())
//! # }
//! ```
//!
//! Sources: Supabase, "JWT Signing Keys"; RFC 7517.

mod key;
#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use self::key::Key;

/// Where Supabase has it.
const PATH: &str = "/auth/v1/.well-known/jwks.json";

/// What goes wrong when the keys are asked for, until it is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status, without a set.
    Status(u16),
    /// 200 and this text.
    Text(String),
    /// A redirect to this address.
    Redirect(String),
    /// No answer.
    Hang,
    /// A set that never ends.
    Endless,
}

/// A running issuer; it ends when it is dropped.
#[derive(Debug)]
pub struct Issuer {
    url: String,
    state: Shared,
    server: JoinHandle<()>,
}

type Shared = Arc<Mutex<Published>>;

#[derive(Debug, Default)]
struct Published {
    keys: Vec<Value>,
    fault: Option<Fault>,
    fetches: usize,
}

impl Issuer {
    /// Listens on 127.0.0.1 without a key; ready when it returns.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Shared::default();
        let routes = Router::new()
            .route(PATH, get(keys))
            .with_state(Arc::clone(&state));
        let server = tokio::spawn(async move {
            // Documented never to return an error.
            let _ = axum::serve(listener, routes).await;
        });
        Ok(Self { url, state, server })
    }

    /// The base, for `SUPABASE_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the set stands, for `SUPABASE_JWKS_URL`.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}{PATH}", self.url)
    }

    /// Publishes these keys, and no others any more.
    pub fn publish(&self, keys: &[&Key]) {
        self.publish_raw(keys.iter().map(|key| key.jwk().clone()).collect());
    }

    /// The same with whatever may stand in a set.
    pub fn publish_raw(&self, keys: Vec<Value>) {
        lock(&self.state).keys = keys;
    }

    /// Lets every request fail from now on, or none.
    pub fn fail_with(&self, fault: Option<Fault>) {
        lock(&self.state).fault = fault;
    }

    /// How often the set was asked for.
    #[must_use]
    pub fn fetches(&self) -> usize {
        lock(&self.state).fetches
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn lock(state: &Shared) -> MutexGuard<'_, Published> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keys(State(state): State<Shared>) -> Response {
    let (fault, keys) = {
        let mut state = lock(&state);
        state.fetches += 1;
        (state.fault.clone(), state.keys.clone())
    };
    let json = [(header::CONTENT_TYPE, "application/json")];
    match fault {
        None => (json, json!({ "keys": keys }).to_string()).into_response(),
        Some(Fault::Status(status)) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            .into_response(),
        Some(Fault::Text(text)) => (json, text).into_response(),
        Some(Fault::Redirect(to)) => (StatusCode::FOUND, [(header::LOCATION, to)]).into_response(),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Endless) => {
            let piece = || Ok::<_, io::Error>(vec![b' '; 8192]);
            let pieces = futures_util::stream::repeat_with(piece);
            (json, axum::body::Body::from_stream(pieces)).into_response()
        }
    }
}
