//! `/v2/logs` and its older name `/v2/events`: what happened to messages, newest first.

use std::sync::Arc;

use axum::{Json, extract::State, http::Uri};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    clock::now_ms,
    core::{Core, lock},
    filter::Filter,
    message::{Message, present},
};

/// Older entries are forgotten.
const KEPT: usize = 10_000;

/// Notes that a message came into a state; `detail` adds fields. Bodies are not kept.
pub(super) fn record(core: &Core, message: &Message, state: &'static str, detail: Value) {
    let labels = &message.options.labels;
    let mut entry = json!({
        "time": now_ms(),
        "state": state,
        "messageId": message.id,
        "url": message.url,
        "topicName": message.origin.topic,
        "endpointName": message.origin.endpoint,
        "queueName": message.origin.queue,
        "scheduleId": message.origin.schedule,
        "callerIP": message.origin.caller_ip,
        "labels": (!labels.is_empty()).then_some(labels),
        // Not of the contract: what a cursor names.
        "entry": core.next_number().to_string(),
    });
    if let (Value::Object(entry), Value::Object(detail)) = (&mut entry, detail) {
        entry.extend(detail);
    }
    let mut log = lock(&core.log);
    log.push_front(present(entry));
    log.truncate(KEPT);
}

/// `GET /v2/logs`.
pub(super) async fn logs(State(core): State<Arc<Core>>, uri: Uri) -> Json<Value> {
    Json(page(&core, &uri, "logs"))
}

/// `GET /v2/events`, which the SDKs call.
pub(super) async fn events(State(core): State<Arc<Core>>, uri: Uri) -> Json<Value> {
    Json(page(&core, &uri, "events"))
}

fn page(core: &Core, uri: &Uri, name: &str) -> Value {
    let filter = Filter::new(uri, &Bytes::new(), "messageIds");
    let log = lock(&core.log);
    let (entries, cursor) = filter.page(log.iter().cloned(), "entry");
    present(json!({ name: entries, "cursor": cursor }))
}
