//! The emulator against a receiver of our own, and (in `sdk`) against the official SDKs.

mod callbacks;
mod client;
mod delivery;
mod deployment;
mod dlq;
mod limits;
mod publishing;
mod schedules;
mod sdk;
mod transport;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::Value;

use super::{Qstash, Settings, core::lock};

/// One request that the receiver got.
#[derive(Clone, Debug)]
struct Hit {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    at: Instant,
}

impl Hit {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("ASCII"))
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

/// A destination that keeps what it gets and answers as it is told.
struct Receiver {
    url: String,
    hits: Arc<Mutex<Vec<Hit>>>,
}

impl Receiver {
    /// `answer` sees the request and how many came before it to the same path.
    async fn start<R: IntoResponse>(
        answer: impl Fn(&Hit, usize) -> R + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::slow(Duration::ZERO, answer).await
    }

    /// As `start`, but each answer takes its time.
    async fn slow<R: IntoResponse>(
        takes: Duration,
        answer: impl Fn(&Hit, usize) -> R + Clone + Send + Sync + 'static,
    ) -> Self {
        let hits = Arc::new(Mutex::new(Vec::<Hit>::new()));
        let kept = Arc::clone(&hits);
        let router = Router::new().fallback(async move |request: Request| -> Response {
            let (parts, body) = request.into_parts();
            let hit = Hit {
                method: parts.method.to_string(),
                path: parts.uri.to_string(),
                headers: parts.headers,
                body: axum::body::to_bytes(body, usize::MAX).await.expect("body"),
                at: Instant::now(),
            };
            let before = {
                let mut kept = lock(&kept);
                let before = kept.iter().filter(|known| known.path == hit.path).count();
                kept.push(hit.clone());
                before
            };
            tokio::time::sleep(takes).await;
            answer(&hit, before).into_response()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("listener");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, hits }
    }

    /// Answers 200 to all.
    async fn ok() -> Self {
        Self::start(|_, _| StatusCode::OK).await
    }

    fn hits(&self) -> Vec<Hit> {
        lock(&self.hits).clone()
    }

    /// Waits for that many requests.
    async fn until(&self, count: usize) {
        let enough = async {
            while self.hits().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), enough)
            .await
            .expect("requests within ten seconds");
    }

    fn at(&self, path: &str) -> Vec<Hit> {
        let mut hits = self.hits();
        hits.retain(|hit| hit.path == path);
        hits
    }
}

/// An emulator whose waits are a hundredth, and a client of it.
struct Bench {
    qstash: Qstash,
    http: reqwest::Client,
}

impl Bench {
    async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        let time_scale = if settings.time_scale == 1.0 {
            0.01
        } else {
            settings.time_scale
        };
        let settings = Settings {
            time_scale,
            ..settings
        };
        Self {
            qstash: Qstash::start(settings).await.expect("an emulator"),
            http: reqwest::Client::new(),
        }
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let method = method.parse().expect("method");
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.qstash.url()))
            .bearer_auth(self.qstash.token())
            .body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let body = response.bytes().await.expect("body");
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        self.call("GET", path, &[], "").await.1
    }

    /// Publishes, and returns the message id.
    async fn publish(&self, url: &str, headers: &[(&str, &str)], body: &str) -> String {
        let path = format!("/v2/publish/{url}");
        let (status, answer) = self.call("POST", &path, headers, body.to_owned()).await;
        assert_eq!(status, 200, "{answer}");
        answer["messageId"].as_str().expect("messageId").to_owned()
    }

    async fn dead_letters(&self) -> Vec<Value> {
        let mut page = self.get("/v2/dlq").await;
        serde_json::from_value(page["messages"].take()).expect("messages")
    }

    async fn idle(&self) {
        tokio::time::timeout(Duration::from_secs(10), self.qstash.idle())
            .await
            .expect("idle within ten seconds");
    }
}

fn decoded(value: &Value) -> String {
    let bytes = STANDARD
        .decode(value.as_str().expect("text"))
        .expect("base64");
    String::from_utf8(bytes).expect("UTF-8")
}
