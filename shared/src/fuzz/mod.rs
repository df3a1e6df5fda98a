//! What fuzzing goes at: each target takes any bytes, and must neither panic nor find its assertions broken. Development
//! only.
//!
//! `fuzz/` makes a libFuzzer program of each, which `cargo xtask fuzz` runs; what is kept there of earlier runs goes
//! through the same functions in the tests below.

mod access_tokens;
mod addresses;
mod bodies;
mod deliveries;
mod key_sets;
mod packer;
mod qstash_signatures;
mod redactor;
mod times;

pub use self::access_tokens::access_tokens;
pub use self::addresses::addresses;
pub use self::bodies::bodies;
pub use self::deliveries::deliveries;
pub use self::key_sets::key_sets;
pub use self::packer::packer;
pub use self::qstash_signatures::qstash_signatures;
pub use self::redactor::redactor;
pub use self::times::times;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

use crate::endpoints::{Body, Request};
use crate::problem::Problem;

/// Something to go at, by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Each of them.
pub const TARGETS: [Target; 9] = [
    ("access_tokens", access_tokens),
    ("addresses", addresses),
    ("bodies", bodies),
    ("deliveries", deliveries),
    ("key_sets", key_sets),
    ("packer", packer),
    ("qstash_signatures", qstash_signatures),
    ("redactor", redactor),
    ("times", times),
];

/// A request as a host hands it over.
fn request(path: &str, query: &str, body: &[u8]) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Request {
        method: Method::POST,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Body::Whole(Bytes::copy_from_slice(body)),
        standing: OnceLock::new(),
    }
}

/// A refusal must say that it is the caller's fault, and be rendered.
fn check_refusal(problem: &Problem) {
    assert!(problem.status().is_client_error(), "{problem:?}");
    let document: Value = serde_json::from_slice(&problem.document("id")).unwrap_or_default();
    assert_eq!(document["status"], problem.status().as_u16());
    for fault in document["errors"].as_array().into_iter().flatten() {
        let pointer = fault["pointer"].as_str();
        assert!(pointer.is_some_and(|at| at.is_empty() || at.starts_with('/')));
    }
}

/// Up to its end, and behind it; all of the text, and nothing, without one.
fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// A JWT of any header and claims, signed all the same.
fn signed(head: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let (head, claims) = (URL_SAFE_NO_PAD.encode(head), URL_SAFE_NO_PAD.encode(claims));
    let message = format!("{head}.{claims}");
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm);
    format!("{message}.{}", signature.unwrap_or_default())
}

#[cfg(test)]
mod tests;
