//! Requests over HTTP, through the router, to the real functions.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::reply::Reply;
use crate::schema;

/// How long a job may take on a machine that is busy with the other tests.
const SYNC_DEADLINE: Duration = Duration::from_secs(20);

/// How long a context may take there.
const PATIENT_MS: u32 = 5000;

/// A body and its content type.
pub(crate) type Payload = (Option<String>, Vec<u8>);

/// Sends requests with one token. Every answer is checked against the OpenAPI document.
#[derive(Clone)]
pub struct Client<'a> {
    deployment: &'a Deployment,
    headers: Vec<(String, String)>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(deployment: &'a Deployment) -> Self {
        Self {
            deployment,
            headers: Vec::new(),
        }
    }

    /// The same with a header more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same with a token.
    #[must_use]
    pub fn with_token(self, token: impl AsRef<str>) -> Self {
        self.with("authorization", format!("Bearer {}", token.as_ref()))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, None).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        let json = Some("application/json".to_owned());
        self.send(
            Method::POST,
            path,
            Some((json, body.to_string().into_bytes())),
        )
        .await
    }

    /// `POST` with any bytes for JSON.
    pub async fn post_bytes(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        let json = Some("application/json".to_owned());
        self.send(Method::POST, path, Some((json, body.into())))
            .await
    }

    /// Any request.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Payload>) -> Reply {
        let url = format!("{}{path}", self.deployment.stack.url);
        let mut request = self.deployment.http.request(method.clone(), url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((kind, bytes)) = body {
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            request = request.body(bytes);
        }
        let start = Instant::now();
        let response = request.send().await.expect("an answer");
        let reply = Reply::read(format!("{method} {path}"), response, start).await;
        schema::check(&method, path, &reply);
        reply
    }

    /// Records turns that must be taken.
    pub async fn record(&self, session: &str, turns: &[Value]) -> Reply {
        let body = json!({ "sessionId": session, "turns": turns });
        let reply = self.post("/api/turns", body).await;
        reply.is(201);
        reply
    }

    /// Asks for a sync until nothing is pending.
    pub async fn synced(&self, session: &str) -> Reply {
        let start = Instant::now();
        loop {
            let body = json!({ "sessionId": session });
            let reply = self.post("/api/sessions/sync", body).await;
            reply.is(202);
            if reply.body["pending"] == json!({ "embed": 0, "mem0": 0 }) {
                return reply;
            }
            assert!(start.elapsed() < SYNC_DEADLINE, "still pending: {reply:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks for context that must come, and waits for it as long as a busy machine may take, unless `body` says how long.
    pub async fn context(&self, mut body: Value) -> Reply {
        if body["deadlineMs"].is_null() {
            body["deadlineMs"] = json!(PATIENT_MS);
        }
        let reply = self.post("/api/context", body).await;
        reply.is(200);
        reply
    }
}
