//! Publishing to the URL group.

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::json;
use time::OffsetDateTime;
use tracing::Instrument;

use super::{QStash, encode};
use crate::adapters::{Adapter, Error};
use crate::domain::deadline::Deadline;
use crate::domain::job::Delivery;
use crate::telemetry;

/// What QStash's log shows our messages under.
const LABEL: &str = "memory";

const JSON: &str = "application/json";

impl QStash {
    /// Publishes deliveries to the topic, in one call: a batch when there are several. When this
    /// returns, QStash has them; when it fails, it may have them all the same.
    pub async fn publish(&self, deliveries: &[Delivery], deadline: Deadline) -> Result<(), Error> {
        let span = telemetry::adapter_span(Adapter::Upstash, "publish");
        let work = self
            .publish_all(deliveries, deadline)
            .instrument(span.clone());
        telemetry::observed(span, work).await
    }

    async fn publish_all(&self, deliveries: &[Delivery], deadline: Deadline) -> Result<(), Error> {
        let topic = &self.config.topic;
        let request = match deliveries {
            [] => return Ok(()),
            [one] => self
                .request(Method::POST, &format!("publish/{topic}"))?
                .header("upstash-label", LABEL)
                .header("upstash-deduplication-id", deduplication_id(one))
                .body(encode(one)?),
            many => {
                let messages = many
                    .iter()
                    .map(|delivery| {
                        Ok(json!({
                            "destination": topic,
                            "headers": {
                                "content-type": JSON,
                                "upstash-label": LABEL,
                                "upstash-deduplication-id": deduplication_id(delivery),
                            },
                            "body": encode(delivery)?,
                        }))
                    })
                    .collect::<Result<Vec<_>, Error>>()?;
                self.request(Method::POST, "batch")?
                    .body(encode(&messages)?)
            }
        };
        self.call(request.header(CONTENT_TYPE, JSON), deadline)
            .await
            .map(drop)
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
