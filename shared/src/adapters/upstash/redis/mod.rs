//! Upstash Redis by its REST API: a cache, never storage.
//!
//! Contract: what is here may be gone, stale until its time is up, or somebody else's rubbish, and no caller depends on
//! it. Every call is one round trip and has a deadline; a call that failed may have been done all the same, and
//! `adapters::http::send` may send it twice, so a command must be safe to repeat.
//!
//! Source: Upstash, "REST API".

mod answer;

use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use serde_json::Value;
use tracing::Instrument;

use self::answer::{malformed, read};
use crate::adapters::http::{Outbound, refusal, send};
use crate::adapters::{Adapter, Error};
use crate::config;
use crate::domain::deadline::Deadline;
use crate::telemetry;

/// A command's name and arguments: `&["GET", key]`.
pub type Command<'a> = &'a [&'a str];

/// A client of Redis.
#[derive(Debug)]
pub struct Redis {
    outbound: Arc<Outbound>,
    config: config::Redis,
}

impl Redis {
    /// A client for the configured database.
    pub fn new(config: config::Redis, outbound: Arc<Outbound>) -> Self {
        Self { outbound, config }
    }

    /// Opens the connection that the first call will use: a deadline of milliseconds has no room for
    /// a handshake. What it answers does not matter.
    pub async fn warm(&self, deadline: Deadline) {
        if let Ok(client) = self.outbound.client(Adapter::Redis) {
            drop(send(Adapter::Redis, client.head(&self.config.url), deadline).await);
            tracing::debug!("redis ready");
        }
    }

    /// Does commands in order, in one round trip and not as a transaction; a result for each. One that
    /// fails does not keep the others from being done. `operation` is what the span is told by.
    pub async fn pipeline(
        &self,
        operation: &'static str,
        commands: &[Command<'_>],
        deadline: Deadline,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        let span = telemetry::adapter_span(Adapter::Redis, operation);
        let work = self.exchange(commands, deadline).instrument(span.clone());
        telemetry::observed(span, work).await
    }

    /// The text under a key, when there is one.
    pub async fn get(&self, key: &str, deadline: Deadline) -> Result<Option<String>, Error> {
        match self.one("get", &["GET", key], deadline).await? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(malformed("not a text")),
        }
    }

    /// Puts a text under a key, whatever was there, for so long.
    pub async fn set_ex(
        &self,
        key: &str,
        value: &str,
        ttl: Duration,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let ttl = ttl.as_millis().to_string();
        let command = ["SET", key, value, "PX", &ttl];
        self.one("set", &command, deadline).await.map(drop)
    }

    /// Removes keys; answers how many there were.
    pub async fn del(&self, keys: &[&str], deadline: Deadline) -> Result<u64, Error> {
        if keys.is_empty() {
            return Ok(0);
        }
        let command = [&["DEL"], keys].concat();
        let removed = self.one("del", &command, deadline).await?;
        removed.as_u64().ok_or_else(|| malformed("not a number"))
    }

    async fn one(
        &self,
        operation: &'static str,
        command: Command<'_>,
        deadline: Deadline,
    ) -> Result<Value, Error> {
        let mut results = self.pipeline(operation, &[command], deadline).await?;
        results.pop().unwrap_or_else(|| Err(malformed("no result")))
    }

    async fn exchange(
        &self,
        commands: &[Command<'_>],
        deadline: Deadline,
    ) -> Result<Vec<Result<Value, Error>>, Error> {
        let body = serde_json::to_vec(commands).map_err(|_| malformed("not to be written"))?;
        let request = self
            .outbound
            .client(Adapter::Redis)?
            .post(format!("{}/pipeline", self.config.url))
            .bearer_auth(self.config.token.expose())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        let (status, headers, body) = send(Adapter::Redis, request, deadline).await?;
        if !status.is_success() {
            return Err(refusal(Adapter::Redis, status, &headers));
        }
        read(&body, commands.len())
    }
}
