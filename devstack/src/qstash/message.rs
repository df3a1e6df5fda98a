//! A message: what was published, for one destination.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::headers::{self, Options};

/// Where a message came from, besides its publisher.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// The URL group it was fanned out from.
    pub(super) topic: Option<String>,
    /// The name of the group's endpoint.
    pub(super) endpoint: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) caller_ip: String,
}

/// A message on its way to one URL.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) body: Bytes,
    /// The headers it was published with, kept to configure its callbacks and its retry from the DLQ.
    pub(super) headers: HeaderMap,
    pub(super) options: Options,
    pub(super) origin: Origin,
    pub(super) created_ms: u64,
}

/// A new message id.
pub(super) fn new_id() -> String {
    format!("msg_{}", Uuid::new_v4().simple())
}

impl Message {
    /// The message as `/v2/messages` and `/v2/dlq` show it.
    pub(super) fn describe(&self) -> Value {
        let options = &self.options;
        let limits = options.flow.as_ref().map(|(_, limits)| limits);
        let mut value = json!({
            "messageId": self.id,
            "url": self.url,
            "topicName": self.origin.topic,
            "endpointName": self.origin.endpoint,
            "method": options.method.as_str(),
            "header": headers::to_json(&options.sent),
            "maxRetries": options.retries,
            "retryDelayExpression": options.retry_delay.as_ref().map(|delay| delay.text()),
            "notBefore": options.not_before,
            "createdAt": self.created_ms,
            "callback": options.callback,
            "failureCallback": options.failure_callback,
            "queueName": self.origin.queue,
            "scheduleId": self.origin.schedule,
            "callerIP": self.origin.caller_ip,
            "flowControlKey": options.flow.as_ref().map(|(key, _)| key),
            "parallelism": limits.and_then(|limits| limits.parallelism),
            "rate": limits.and_then(|limits| limits.rate),
            "period": limits.and_then(|limits| limits.rate.map(|_| limits.period.as_secs())),
            "label": options.labels.first(),
            "labels": (!options.labels.is_empty()).then_some(&options.labels),
        });
        put_body(&mut value, "body", &self.body);
        present(value)
    }
}

/// Writes a body as QStash's JSON does: `<name>` if it is text, `<name>Base64` if not.
pub(super) fn put_body(object: &mut Value, name: &str, body: &[u8]) {
    match std::str::from_utf8(body) {
        Ok(text) => object[name] = text.into(),
        Err(_) => object[format!("{name}Base64")] = STANDARD.encode(body).into(),
    }
}

/// The object without its nulls: absent is how QStash says that there is none.
pub(super) fn present(mut value: Value) -> Value {
    if let Value::Object(object) = &mut value {
        object.retain(|_, value| !value.is_null());
    }
    value
}
