//! QStash's HTTP API, version 2.
//!
//! Source: Upstash, "QStash API reference". Delivery is at least once; a message that was accepted
//! twice is delivered twice, and our jobs are idempotent, so nothing here needs to be exact.

mod keys;
mod publish;
mod schedules;
mod topics;

pub use self::publish::Pace;
pub use self::schedules::Schedule;

use std::sync::Arc;

use reqwest::RequestBuilder;

use crate::adapters::http::{Outbound, refusal, send};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::config;
use crate::domain::deadline::Deadline;

/// What QStash's log shows our messages under.
const LABEL: &str = "memory";

/// A client of QStash.
#[derive(Debug)]
pub struct QStash {
    outbound: Arc<Outbound>,
    config: config::QStash,
    /// Where QStash says that it gave a message up.
    failure_callback: String,
    /// Where erasures go: to one endpoint, not to the topic's.
    erasures: String,
}

impl QStash {
    /// A client for the configured account, of the deployment at `public_url` (without a trailing slash).
    pub fn new(config: config::QStash, public_url: &str, outbound: Arc<Outbound>) -> Self {
        Self {
            outbound,
            config,
            failure_callback: format!("{public_url}/api/jobs/dead-letter"),
            erasures: format!("{public_url}/api/jobs/erase"),
        }
    }

    /// Whether there is an account to publish with.
    pub fn is_configured(&self) -> bool {
        self.config.token.is_some()
    }

    /// The signing keys of deliveries, the current one first.
    pub fn signing_keys(&self) -> &[config::Secret] {
        &self.config.signing_keys
    }

    /// Opens the connection that the first publish will use. What it answers does not matter.
    pub async fn warm(&self, deadline: Deadline) {
        if self.is_configured()
            && let Ok(client) = self.outbound.client(Adapter::Upstash)
        {
            drop(send(Adapter::Upstash, client.head(&self.config.url), deadline).await);
            tracing::debug!("qstash ready");
        }
    }

    /// A request to one of the API's addresses, not yet signed.
    fn request(&self, method: http::Method, path: &str) -> Result<RequestBuilder, Error> {
        let client = self.outbound.client(Adapter::Upstash)?;
        Ok(client.request(method, format!("{}/v2/{path}", self.config.url)))
    }

    /// Signs a request, sends it, and returns the body of a 2xx.
    async fn call(
        &self,
        request: RequestBuilder,
        deadline: Deadline,
    ) -> Result<bytes::Bytes, Error> {
        let token = self.config.token.as_ref().ok_or_else(|| {
            Error::new(
                Adapter::Upstash,
                ErrorKind::Refused,
                "QSTASH_TOKEN is missing",
            )
        })?;
        let request = request.bearer_auth(token.expose());
        let (status, headers, body) = send(Adapter::Upstash, request, deadline).await?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(refusal(Adapter::Upstash, status, &headers))
        }
    }
}

/// As the body of a request.
fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> Error {
    // Its message quotes no value, only a place.
    Error::new(Adapter::Upstash, ErrorKind::Malformed, error.to_string())
}
