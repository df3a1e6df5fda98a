//! Callbacks: what became of a message, sent as a message of its own.

use std::sync::Arc;

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    clock::now_ms,
    core::Core,
    deliver::Reply,
    headers::{self, Options},
    message::{Message, Origin, new_id, present},
    publish,
};

const EACH: &str = "upstash-callback-";
const FAILURE: &str = "upstash-failure-callback-";

/// Refuses a bad `Upstash-Callback-*` header when the message is published, not when it is too late.
pub(super) fn check(message: &HeaderMap) -> Result<(), String> {
    for prefix in [EACH, FAILURE] {
        Options::parse(&headers::of_callback(message, prefix))?;
    }
    Ok(())
}

/// After every attempt, if the message has a callback.
pub(super) fn after_attempt(core: &Arc<Core>, message: &Message, reply: &Reply, retried: u32) {
    if let Some(url) = &message.options.callback {
        send(
            core,
            message,
            url,
            EACH,
            body(message, reply, retried, None),
        );
    }
}

/// After the message was given up, if it has a failure callback.
pub(super) fn after_failure(
    core: &Arc<Core>,
    message: &Message,
    reply: &Reply,
    retried: u32,
    dlq_id: &str,
) {
    if let Some(url) = &message.options.failure_callback {
        send(
            core,
            message,
            url,
            FAILURE,
            body(message, reply, retried, Some(dlq_id)),
        );
    }
}

fn send(core: &Arc<Core>, source: &Message, url: &str, prefix: &str, body: Value) {
    let headers = headers::of_callback(&source.headers, prefix);
    // It parsed when the source was published, see `check`.
    let Ok(options) = Options::parse(&headers) else {
        return;
    };
    let message = Message {
        id: new_id(),
        url: url.to_owned(),
        body: body.to_string().into(),
        headers,
        options,
        origin: Origin {
            caller_ip: source.origin.caller_ip.clone(),
            ..Origin::default()
        },
        created_ms: now_ms(),
    };
    publish::launch(core, message);
}

/// The documented body; the two times are strings there.
fn body(message: &Message, reply: &Reply, retried: u32, dlq_id: Option<&str>) -> Value {
    present(json!({
        "status": reply.status,
        "header": headers::to_json(&reply.headers),
        "body": STANDARD.encode(&reply.body),
        "retried": retried,
        "maxRetries": message.options.retries,
        "dlqId": dlq_id,
        "sourceMessageId": message.id,
        "topicName": message.origin.topic,
        "endpointName": message.origin.endpoint,
        "url": message.url,
        "method": message.options.method.as_str(),
        "sourceHeader": headers::to_json(&message.options.sent),
        "sourceBody": STANDARD.encode(&message.body),
        "notBefore": message.options.not_before.to_string(),
        "createdAt": message.created_ms.to_string(),
        "scheduleId": message.origin.schedule,
        "callerIP": message.origin.caller_ip,
    }))
}
