//! Requests to Mem0 and what comes back: the key, the connection, and a 2xx that says it failed.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE};
use http::{HeaderValue, Method};
use http_body_util::Full;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Body, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::adapters::http::{Outbound, refusal, send};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::config::{self, Mem0Api};
use crate::domain::deadline::Deadline;

/// What is encoded in a part of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-');

/// The way to one Mem0.
#[derive(Debug)]
pub(super) struct Link {
    config: config::Mem0,
    outbound: Arc<Outbound>,
}

/// How a call may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    /// Quickly: on a kept connection, and again if that one was dead.
    Kept,
    /// On a connection of its own, and again if that one broke. So no kept connection is there, dead
    /// since the function was frozen, for a call that is sent once.
    Fresh,
    /// On a connection of its own, and never again.
    Once,
}

impl Link {
    pub(super) fn new(config: config::Mem0, outbound: Arc<Outbound>) -> Self {
        Self { config, outbound }
    }

    pub(super) fn config(&self) -> &config::Mem0 {
        &self.config
    }

    /// Looks something up. That a 2xx may tell of something that failed is no failure here.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<T, Error> {
        let request = self.request(Method::GET, path, query)?;
        let body = self.body(request.header(CONNECTION, "close"), deadline);
        shaped(body.await?)
    }

    /// Has something done, or searches.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        body: &impl Serialize,
        sending: Sending,
        deadline: Deadline,
    ) -> Result<T, Error> {
        let bytes = serde_json::to_vec(body).map_err(|_| malformed("an unwritable body"))?;
        let request = self
            .request(Method::POST, path, query)?
            .header(CONTENT_TYPE, "application/json");
        let request = match sending {
            Sending::Kept => request.body(bytes),
            Sending::Fresh => request.header(CONNECTION, "close").body(bytes),
            // A body of this sort cannot be copied, so that nothing below can send it again.
            Sending::Once => request
                .header(CONNECTION, "close")
                .body(Body::wrap(Full::new(bytes::Bytes::from(bytes)))),
        };
        let body = self.body(request, deadline).await?;
        not_failed(&body)?;
        shaped(body)
    }

    /// Deletes; that there was nothing to delete is as good.
    pub(super) async fn delete(
        &self,
        path: &str,
        query: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<(), Error> {
        let request = self
            .request(Method::DELETE, path, query)?
            .header(CONNECTION, "close");
        let (status, headers, body) = send(Adapter::Mem0, request, deadline).await?;
        match status {
            http::StatusCode::NOT_FOUND => Ok(()),
            _ if !status.is_success() => Err(refusal(Adapter::Mem0, status, &headers)),
            // 204 has no body, and what a 2xx says beside that it failed does not matter here.
            _ => match serde_json::from_slice(&body) {
                Ok(value) => not_failed(&value),
                Err(_) => Ok(()),
            },
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<RequestBuilder, Error> {
        let url = format!("{}{path}", self.config.url);
        let url = match query {
            [] => Url::parse(&url),
            query => Url::parse_with_params(&url, query),
        };
        let url = url.map_err(|_| Error::new(Adapter::Mem0, ErrorKind::Refused, "not a URL"))?;
        let request = self.outbound.client(Adapter::Mem0)?.request(method, url);
        let Some(key) = &self.config.key else {
            return Ok(request);
        };
        let (name, value) = match self.config.api {
            Mem0Api::Platform => (AUTHORIZATION.as_str(), format!("Token {}", key.expose())),
            Mem0Api::Server => ("x-api-key", key.expose().to_owned()),
        };
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| Error::new(Adapter::Mem0, ErrorKind::Denied, "MEM0_API_KEY is no key"))?;
        value.set_sensitive(true);
        Ok(request.header(name, value))
    }

    /// The JSON of a 2xx.
    async fn body(&self, request: RequestBuilder, deadline: Deadline) -> Result<Value, Error> {
        let (status, headers, body) = send(Adapter::Mem0, request, deadline).await?;
        if !status.is_success() {
            return Err(refusal(Adapter::Mem0, status, &headers));
        }
        // A parser's message could quote the body, so only the kind of fault is kept.
        serde_json::from_slice(&body).map_err(|_| malformed("not JSON"))
    }
}

fn shaped<T: DeserializeOwned>(body: Value) -> Result<T, Error> {
    serde_json::from_value(body).map_err(|_| malformed("not the shape of its API"))
}

/// A 2xx is not believed when its body says otherwise, of the whole or of one memory.
fn not_failed(body: &Value) -> Result<(), Error> {
    let failed = |value: &Value| {
        let word = |name| value.get(name).and_then(Value::as_str).unwrap_or_default();
        value.get("error").is_some_and(|error| !error.is_null())
            || is_failure(word("status"))
            || is_failure(word("event"))
    };
    let results = body.get("results").and_then(Value::as_array);
    if failed(body) || results.into_iter().flatten().any(failed) {
        return Err(Error::new(
            Adapter::Mem0,
            ErrorKind::Refused,
            "a 2xx whose body says that it failed",
        ));
    }
    Ok(())
}

/// Whether a status means that all is over.
pub(super) fn is_failure(status: &str) -> bool {
    ["FAILED", "FAILURE", "ERROR"]
        .iter()
        .any(|failure| status.eq_ignore_ascii_case(failure))
}

/// An id of theirs as a part of a path.
pub(super) fn segment(id: &str) -> String {
    utf8_percent_encode(id, SEGMENT).to_string()
}

pub(super) fn malformed(detail: &'static str) -> Error {
    Error::new(Adapter::Mem0, ErrorKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_2xx_is_not_believed_when_its_body_says_that_it_failed() {
        for body in [
            json!({"error": "no"}),
            json!({"status": "FAILED", "event_id": "e"}),
            json!({"results": [{"id": "m", "event": "ADD"}, {"error": "no"}]}),
            json!({"results": [{"id": "m", "event": "ERROR"}]}),
        ] {
            let error = not_failed(&body).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Refused, "{body}");
        }
        for body in [
            json!({"status": "PENDING", "event_id": "e", "error": null}),
            json!({"results": [{"id": "m", "event": "ADD"}]}),
            json!({"results": []}),
            json!([]),
        ] {
            assert!(not_failed(&body).is_ok(), "{body}");
        }
    }

    #[test]
    fn an_id_stays_one_part_of_a_path() {
        assert_eq!(segment("a-1"), "a-1");
        assert_eq!(segment("../x?y"), "%2E%2E%2Fx%3Fy");
    }
}
