//! Requests to the stack, as an app sends them.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;

use super::super::timing::ServerTiming;
use crate::Error;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a request is sent that meets a busy machine, and the pause before it is sent again.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

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

    /// Sends it, again when the service is busy: all that is sent here may be sent twice.
    ///
    /// # Errors
    /// When the status is none of 2xx, at last.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Error> {
        let mut tries = 1;
        loop {
            match self.once(path, body).await {
                Err(Failure { passing: true, .. }) if tries < TRIES => {}
                Err(failure) => return Err(format!("POST {path}: {}", failure.text).into()),
                Ok(answer) => return Ok(answer),
            }
            tries += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn once(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
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
        let took = timing.and_then(|timing| ServerTiming::new(timing.to_str().ok()?).of("total"));
        let body = answer.bytes().await?;
        let body = serde_json::from_slice(&body);
        match body {
            Ok(body) if status.is_success() => Ok(Answer { body, took }),
            _ => Err(Failure {
                passing: status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS,
                text: format!("{status}: {}", body.unwrap_or_default()),
            }),
        }
    }
}

/// No answer, or none that was wanted.
struct Failure {
    /// Whether another try may end better.
    passing: bool,
    text: String,
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self {
            passing: true,
            text: error.to_string(),
        }
    }
}
