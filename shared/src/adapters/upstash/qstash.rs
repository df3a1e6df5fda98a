//! QStash's HTTP API, version 2: publishing to a URL group.
//!
//! Source: Upstash, "QStash API reference". Delivery is at least once; a message that was accepted
//! twice is delivered twice, and our jobs are idempotent, so nothing here needs to be exact.

use std::sync::Arc;

use time::OffsetDateTime;
use tracing::Instrument;

use super::super::http::{Outbound, refusal, send};
use super::super::{Adapter, Error, ErrorKind};
use crate::config;
use crate::domain::deadline::Deadline;
use crate::domain::job::Delivery;
use crate::telemetry;

/// What QStash's log shows our messages under.
const LABEL: &str = "memory";

/// A client of QStash.
#[derive(Debug)]
pub struct QStash {
    outbound: Arc<Outbound>,
    config: config::QStash,
}

impl QStash {
    /// A client for the configured account.
    pub fn new(config: config::QStash, outbound: Arc<Outbound>) -> Self {
        Self { outbound, config }
    }

    /// Whether there is an account to publish with.
    pub fn is_configured(&self) -> bool {
        self.config.token.is_some()
    }

    /// The signing keys of deliveries, the current one first.
    pub fn signing_keys(&self) -> &[config::Secret] {
        &self.config.signing_keys
    }

    /// Opens the connection that the first publish will use. What it answers does not matter.
    pub async fn warm(&self, deadline: Deadline) {
        if self.is_configured()
            && let Ok(client) = self.outbound.client(Adapter::Upstash)
        {
            drop(send(Adapter::Upstash, client.head(&self.config.url), deadline).await);
            tracing::debug!("qstash ready");
        }
    }

    /// Publishes deliveries to the topic, in one call: a batch when there are several. When this
    /// returns, QStash has them; when it fails, it may have them all the same.
    pub async fn publish(&self, deliveries: &[Delivery], deadline: Deadline) -> Result<(), Error> {
        let span = telemetry::adapter_span(Adapter::Upstash, "publish");
        telemetry::observed(
            span.clone(),
            self.publish_all(deliveries, deadline).instrument(span),
        )
        .await
    }

    async fn publish_all(&self, deliveries: &[Delivery], deadline: Deadline) -> Result<(), Error> {
        let client = self.outbound.client(Adapter::Upstash)?;
        let request = match deliveries {
            [] => return Ok(()),
            [one] => client
                .post(format!(
                    "{}/v2/publish/{}",
                    self.config.url, self.config.topic
                ))
                .header("upstash-label", LABEL)
                .header("upstash-deduplication-id", deduplication_id(one))
                .body(encode(one)?),
            many => {
                let messages = many
                    .iter()
                    .map(|delivery| {
                        Ok(serde_json::json!({
                            "destination": self.config.topic,
                            "headers": {
                                "content-type": "application/json",
                                "upstash-label": LABEL,
                                "upstash-deduplication-id": deduplication_id(delivery),
                            },
                            "body": encode(delivery)?,
                        }))
                    })
                    .collect::<Result<Vec<_>, Error>>()?;
                client
                    .post(format!("{}/v2/batch", self.config.url))
                    .body(encode(&messages)?)
            }
        };
        let token = self.config.token.as_ref().ok_or_else(|| {
            Error::new(
                Adapter::Upstash,
                ErrorKind::Refused,
                "QSTASH_TOKEN is missing",
            )
        })?;
        let request = request
            .bearer_auth(token.expose())
            .header(http::header::CONTENT_TYPE, "application/json");
        let (status, headers, _) = send(Adapter::Upstash, request, deadline).await?;
        if status.is_success() {
            Ok(())
        } else {
            Err(refusal(Adapter::Upstash, status, &headers))
        }
    }
}

/// The same jobs sent again within a minute are one message: an app that polls `syncSession` until
/// all is done would otherwise send them with every poll. The user keeps apart the job ids of two
/// deployments that share an account.
fn deduplication_id(delivery: &Delivery) -> String {
    let id = |job: Option<i64>| job.map_or_else(|| "0".to_owned(), |id| id.to_string());
    let minute = OffsetDateTime::now_utc().unix_timestamp() / 60;
    let (user, embed, mem0) = (
        delivery.user_id,
        id(delivery.jobs.embed),
        id(delivery.jobs.mem0),
    );
    format!("memory-{user}-{embed}-{mem0}-{minute}")
}

fn encode<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(Adapter::Upstash, ErrorKind::Malformed, error.to_string()))
}
