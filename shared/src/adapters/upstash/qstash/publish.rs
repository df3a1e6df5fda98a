//! Publishing: jobs to the URL group, erasures to their one endpoint.

use std::collections::BTreeMap;

use http::Method;
use http::header::CONTENT_TYPE;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use tracing::Instrument;
use uuid::Uuid;

use super::{LABEL, QStash, encode, malformed};
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::domain::job::Delivery;
use crate::telemetry;

const JSON: &str = "application/json";

/// Milliseconds between two attempts: 10 s, 30 s, 90 s, … and never more than 15 minutes. QStash's
/// own backoff (12 s, 2.5 min, 30 min, 6 h) would leave an answer's turn unsearchable for too long.
/// A `Retry-After` of ours goes before it.
const RETRY_DELAY: &str = "min(900000, pow(3, retried) * 10000)";

/// Messages that QStash takes in one batch.
const BATCH: usize = 100;

/// How fast a user's deliveries may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As turns are recorded: a few deliveries at once.
    Live,
    /// One at a time, and so many a minute: however much is filled in again, turns that are being
    /// recorded, and other users, do not wait for it.
    Backfill,
}

/// One message of a batch.
#[derive(Serialize)]
struct Message<'a> {
    destination: &'a str,
    headers: BTreeMap<&'static str, String>,
    body: String,
}

impl QStash {
    /// Publishes deliveries: in one call, or a call per hundred. When this returns,
    /// QStash has them all; when it fails, it may have some or all of them.
    pub async fn publish(
        &self,
        deliveries: &[Delivery],
        pace: Pace,
        deadline: Deadline,
    ) -> Result<(), Error> {
        let span = telemetry::adapter_span(Adapter::Upstash, "publish");
        let work = self
            .publish_all(deliveries, pace, deadline)
            .instrument(span.clone());
        telemetry::observed(span, work).await
    }

    async fn publish_all(
        &self,
        deliveries: &[Delivery],
        pace: Pace,
        deadline: Deadline,
    ) -> Result<(), Error> {
        for deliveries in deliveries.chunks(BATCH) {
            let messages = deliveries
                .iter()
                .map(|delivery| self.message(delivery, pace))
                .collect::<Result<Vec<_>, Error>>()?;
            let request = match <[Message<'_>; 1]>::try_from(messages) {
                Ok([one]) => {
                    let path = format!("publish/{}", one.destination);
                    one.headers
                        .into_iter()
                        .fold(
                            self.request(Method::POST, &path)?,
                            |request, (name, value)| request.header(name, value),
                        )
                        .body(one.body)
                }
                Err(many) => self
                    .request(Method::POST, "batch")?
                    .header(CONTENT_TYPE, JSON)
                    .body(encode(&many)?),
            };
            accepted(&self.call(request, deadline).await?)?;
        }
        Ok(())
    }

    fn message(&self, delivery: &Delivery, pace: Pace) -> Result<Message<'_>, Error> {
        let (key, value) = self.flow(delivery.user_id, pace);
        Ok(Message {
            destination: match delivery.jobs.erase {
                Some(_) => &self.erasures,
                None => &self.config.topic,
            },
            headers: BTreeMap::from([
                ("content-type", JSON.to_owned()),
                ("upstash-label", LABEL.to_owned()),
                ("upstash-deduplication-id", deduplication_id(delivery)),
                ("upstash-retries", self.config.retries.to_string()),
                ("upstash-retry-delay", RETRY_DELAY.to_owned()),
                ("upstash-flow-control-key", key),
                ("upstash-flow-control-value", value),
                ("upstash-failure-callback", self.failure_callback.clone()),
            ]),
            body: encode(delivery)?,
        })
    }

    /// The flow control's key and value. QStash keeps the limits with each message, so that the two
    /// paces of a user need a key each.
    fn flow(&self, user: Uuid, pace: Pace) -> (String, String) {
        match pace {
            Pace::Live => (
                format!("memory-{user}"),
                format!("parallelism={}", self.config.user_parallelism),
            ),
            Pace::Backfill => (
                format!("memory-backfill-{user}"),
                format!(
                    "parallelism=1, rate={}, period=1m",
                    self.config.backfill_rate
                ),
            ),
        }
    }
}

/// Reads what a 2xx says of each message: one that a batch refused is told in its place, and a topic
/// without endpoints takes a message and sends it to nobody.
fn accepted(body: &[u8]) -> Result<(), Error> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| malformed(&error))?;
    if every_message(&answer) {
        Ok(())
    } else {
        Err(Error::new(
            Adapter::Upstash,
            ErrorKind::Refused,
            "a message was not accepted, or the topic has no endpoints",
        ))
    }
}

fn every_message(answer: &Value) -> bool {
    match answer.as_array() {
        Some(answers) => !answers.is_empty() && answers.iter().all(every_message),
        None => answer["messageId"].is_string(),
    }
}

/// The same jobs sent again within a minute are one message: an app that polls `syncSession` until
/// all is done would otherwise send them with every poll. What a sweep sends is a message of its own:
/// it is sent because the earlier one did not arrive. The user keeps apart the job ids of two
/// deployments that share an account.
fn deduplication_id(delivery: &Delivery) -> String {
    let id = |job: Option<i64>| job.map_or_else(|| "0".to_owned(), |id| id.to_string());
    let (user, jobs) = (delivery.user_id, delivery.jobs);
    let (embed, mem0, erase) = (id(jobs.embed), id(jobs.mem0), id(jobs.erase));
    let time = match delivery.sweeps {
        0 => (OffsetDateTime::now_utc().unix_timestamp() / 60).to_string(),
        sweeps => format!("sweep{sweeps}"),
    };
    format!("memory-{user}-{embed}-{mem0}-{erase}-{time}")
}
