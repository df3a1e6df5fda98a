//! An answer, and what tests want to know of it.

use std::fmt;
use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came back.
#[derive(Clone)]
pub struct Reply {
    request: String,
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// JSON; the text of lines of it; null when the body is something else.
    pub body: Value,
    /// From the first byte sent to the last one received.
    pub took: Duration,
}

impl Reply {
    pub(crate) async fn read(request: String, response: reqwest::Response, start: Instant) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let kind = headers.get("content-type").cloned();
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let bytes = response.bytes().await.expect("a whole body");
        Self {
            request,
            status,
            headers,
            body: if kind == "application/x-ndjson" {
                String::from_utf8_lossy(&bytes).into()
            } else {
                serde_json::from_slice(&bytes).unwrap_or_default()
            },
            bytes: bytes.into(),
            took: start.elapsed(),
        }
    }

    /// A header's text; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).map(|value| value.to_str());
        value.and_then(Result::ok).unwrap_or_default()
    }

    /// Asserts the status, and what every answer of ours carries.
    #[track_caller]
    pub fn is(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.header("x-request-id").is_empty(), "{self:?}");
        assert!(
            self.header("server-timing").starts_with("total;dur="),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
    }

    /// Asserts a problem document (RFC 9457) of this code, whole and consistent with the headers.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) {
        self.is(status);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        assert_eq!(self.body["code"], code, "{self:?}");
        assert_eq!(
            self.body["type"],
            format!("urn:memory-orchestrator:problem:{code}"),
            "{self:?}"
        );
        assert_eq!(self.body["status"], status, "{self:?}");
        assert_eq!(
            self.body["requestId"],
            self.header("x-request-id"),
            "{self:?}"
        );
        for member in ["title", "detail"] {
            let text = self.body[member].as_str();
            assert!(
                text.is_some_and(|text| !text.is_empty()),
                "{member}: {self:?}"
            );
        }
    }

    /// The places that a problem names, sorted.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().into_iter().flatten();
        let mut pointers: Vec<_> = errors.map(|error| text(&error["pointer"])).collect();
        pointers.sort_unstable();
        pointers
    }

    /// One member of each object in an array: `reply.each("turns", "seq")`.
    pub fn each(&self, array: &str, member: &str) -> Vec<Value> {
        let items = self.body[array].as_array().into_iter().flatten();
        items.map(|item| item[member].clone()).collect()
    }

    /// The body without what differs between two runs of one request: ids of requests, times and
    /// durations.
    pub fn comparable(&self) -> Value {
        let mut body = self.body.clone();
        mask(&mut body);
        body
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    // Its job may be done on one host and not yet on the other.
                    "lastSyncedAt" => *member = "masked".into(),
                    "requestId" | "durationMs" | "createdAt" | "updatedAt" | "nextCursor"
                        if !member.is_null() =>
                    {
                        *member = "masked".into();
                    }
                    _ => mask(member),
                }
            }
        }
        _ => {}
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            request,
            status,
            body,
            took,
            ..
        } = self;
        write!(f, "{request} -> {status} in {took:?}: {body}")
    }
}
