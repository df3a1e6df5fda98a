//! One file per URL.

mod context;
mod health;
mod jobs;
mod memory;
mod sessions;
mod turns;

use black_box::cases::{self, Case};
use serde_json::json;

/// What every endpoint that reads a body refuses, in the same words.
fn refuse_bad_requests(path: &str) {
    let body = || json!({ "sessionId": "s" }).to_string();
    cases::hold([
        Case::post("signed out", path, json!({}))
            .without_token()
            .is_refused(401, "unauthorized"),
        Case::new("no JSON", "POST", path)
            .bytes("{")
            .is_refused(400, "invalid_json"),
        Case::new("another type", "POST", path)
            .typed(Some("text/plain"), body())
            .is_refused(415, "unsupported_media_type"),
        Case::new("too long", "POST", path)
            .bytes(format!("{}{}", body(), " ".repeat(1024 * 1024)))
            .is_refused(413, "body_too_large"),
        Case::post("a list", path, json!([])).is_invalid_at(&[""]),
        Case::post("a NUL", path, json!({ "sessionId": "s", "a\0b": 1 }))
            .is_refused(422, "invalid_request"),
        Case::new("another method", "PUT", path).allows_only("POST"),
    ]);
}
