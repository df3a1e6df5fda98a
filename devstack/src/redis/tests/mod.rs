//! The REST side over a real redis-server, and (in `sdk`) the official SDKs against it.

mod cache;
mod client;
mod faults;
mod ratelimit;
mod rest;
mod sdk;

use serde_json::Value;

use super::{Error, Redis, Settings};

/// A Redis of the test's own, or `None` (and a line that says so) where there can be none.
async fn started() -> Option<Redis> {
    match Redis::start(Settings::default()).await {
        Ok(redis) => Some(redis),
        Err(Error::Unavailable(why)) => {
            crate::skipped(&why);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Sends a request; answers the status and the body, as JSON where it is.
async fn call(
    redis: &Redis,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<reqwest::Body>,
) -> (u16, Value) {
    let mut request = reqwest::Client::new()
        .request(
            method.parse().expect("a method"),
            format!("{}{path}", redis.url()),
        )
        .bearer_auth(redis.token())
        .body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// `POST` of JSON to a path.
async fn post(redis: &Redis, path: &str, body: Value) -> (u16, Value) {
    call(redis, "POST", path, &[], body.to_string()).await
}
