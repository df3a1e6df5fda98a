//! Asking the issuer for its keys: one request to the configured address, short in time and in size.

use std::sync::Arc;

use http::StatusCode;
use http::header::ACCEPT;
use tracing::Instrument;

use crate::adapters::http::{Outbound, refusal};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::telemetry;

/// The longest set that is read. Supabase's has one to four keys, of less than a kilobyte each.
const MOST_BYTES: usize = 64 * 1024;

/// Asks for the set at `url`, which the deployment named: nothing that a caller sends is part of it, and redirects
/// are not followed.
pub(super) async fn fetch(
    outbound: Arc<Outbound>,
    url: String,
    deadline: Deadline,
) -> Result<Vec<u8>, Error> {
    let span = telemetry::adapter_span(Adapter::Issuer, "keys");
    let work = async {
        let get = get(&outbound, &url);
        tokio::time::timeout_at(deadline.instant(), get)
            .await
            .unwrap_or_else(|_| Err(failed(ErrorKind::Timeout, "no answer before the deadline")))
    };
    telemetry::observed(span.clone(), work.instrument(span)).await
}

async fn get(outbound: &Outbound, url: &str) -> Result<Vec<u8>, Error> {
    let request = outbound.client(Adapter::Issuer)?.get(url);
    let mut response = request
        .header(ACCEPT, "application/json")
        .send()
        .await
        .map_err(broken)?;
    if response.status() != StatusCode::OK {
        let status = response.status();
        return Err(refusal(Adapter::Issuer, status, response.headers()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(failed(ErrorKind::Malformed, "longer than a set of keys is"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Its Display has the URL, which may hold credentials.
fn broken(error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::Unreachable
    };
    failed(kind, error.without_url().to_string())
}

fn failed(kind: ErrorKind, detail: impl Into<String>) -> Error {
    Error::new(Adapter::Issuer, kind, detail)
}
