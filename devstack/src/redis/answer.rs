//! From a reply to JSON.
//!
//! Nil is `null`, an integer a number, a text a string, an array an array. With `Upstash-Encoding: base64` every text is
//! in base64 but a plain `OK`, which is what the official SDK expects.

use axum::http::HeaderMap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::resp::Reply;

/// How texts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As they are; what is not UTF-8 is lost.
    Plain,
    /// In base64.
    Base64,
}

impl Encoding {
    /// What a request asks for.
    pub(super) fn wanted(headers: &HeaderMap) -> Self {
        match headers.get("upstash-encoding") {
            Some(value) if value.as_bytes().eq_ignore_ascii_case(b"base64") => Self::Base64,
            _ => Self::Plain,
        }
    }

    fn text(self, bytes: &[u8]) -> Value {
        match self {
            Self::Plain => json!(String::from_utf8_lossy(bytes)),
            Self::Base64 => json!(STANDARD.encode(bytes)),
        }
    }
}

/// What stands under `result`, or the error's text.
pub(super) fn result(reply: Reply, encoding: Encoding) -> Result<Value, String> {
    match reply {
        Reply::Error(text) => Err(text),
        Reply::Status(text) if text == "OK" => Ok(json!(text)),
        other => Ok(nested(other, encoding)),
    }
}

/// One command's entry: `{"result": …}` or `{"error": "…"}`.
pub(super) fn entry(reply: Reply, encoding: Encoding) -> Value {
    result(reply, encoding).map_or_else(error, |value| json!({ "result": value }))
}

/// `{"error": "…"}`
pub(super) fn error(text: String) -> Value {
    json!({ "error": text })
}

fn nested(reply: Reply, encoding: Encoding) -> Value {
    match reply {
        Reply::Status(text) | Reply::Error(text) => encoding.text(text.as_bytes()),
        Reply::Integer(number) => json!(number),
        Reply::Bulk(Some(bytes)) => encoding.text(&bytes),
        Reply::Bulk(None) | Reply::Array(None) => Value::Null,
        Reply::Array(Some(items)) => items
            .into_iter()
            .map(|item| nested(item, encoding))
            .collect(),
    }
}
