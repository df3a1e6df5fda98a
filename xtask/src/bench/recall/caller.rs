//! Requests to the stack, as an app sends them.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use crate::Error;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// One user's client; clones share connections.
#[derive(Clone)]
pub(super) struct Caller {
    client: reqwest::Client,
    url: String,
    token: String,
}

/// A 2xx.
pub(super) struct Answer {
    pub(super) body: Value,
    /// How long the endpoint took, in milliseconds, by `server-timing`.
    pub(super) took: Option<f64>,
}

impl Caller {
    pub(super) fn new(client: reqwest::Client, url: &str, token: String) -> Self {
        Self {
            client,
            url: url.to_owned(),
            token,
        }
    }

    /// Sends it; a status other than 2xx is an error.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Error> {
        let answer = self
            .client
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
            .timeout(PATIENCE)
            .send()
            .await?;
        let status = answer.status();
        let timing = answer.headers().get("server-timing");
        let took = timing.and_then(|timing| total(timing.to_str().ok()?));
        let body = answer.bytes().await?;
        if !status.is_success() {
            let said = String::from_utf8_lossy(&body);
            return Err(format!("POST {path}: {status}: {said}").into());
        }
        Ok(Answer {
            body: serde_json::from_slice(&body)?,
            took,
        })
    }
}

/// Of `total;dur=1.2, supabase;dur=0.9` the first.
fn total(timing: &str) -> Option<f64> {
    let mut parts = timing.split(',').map(str::trim);
    parts
        .find_map(|part| part.strip_prefix("total;dur="))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::total;

    #[test]
    fn the_total_is_read_among_the_parts() {
        assert_eq!(total("supabase;dur=0.9, total;dur=1.25"), Some(1.25));
        assert_eq!(total("supabase;dur=0.9"), None);
    }
}
