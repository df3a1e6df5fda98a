//! `/v2/dlq`: messages that were given up, to look at, retry or delete.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    clock::now_ms,
    core::{Core, lock},
    deliver::Reply,
    filter::Filter,
    headers::{self, Options},
    message::{Message, new_id, present, put_body},
    publish,
    refusal::Refusal,
};

/// A message that was given up, with the last answer of its destination.
pub(super) struct DeadLetter {
    id: String,
    message: Arc<Message>,
    reply: Value,
}

impl DeadLetter {
    fn describe(&self) -> Value {
        let mut value = self.message.describe();
        value["dlqId"] = self.id.clone().into();
        if let (Value::Object(value), Value::Object(reply)) = (&mut value, &self.reply) {
            value.extend(reply.clone());
        }
        value
    }
}

/// Keeps a message that was given up; returns its id in the queue.
pub(super) fn bury(core: &Core, message: &Arc<Message>, reply: &Reply) -> String {
    let id = format!("{}-{}", now_ms(), core.next_number());
    let mut answer = json!({
        "responseStatus": reply.status,
        "responseHeader": headers::to_json(&reply.headers),
    });
    put_body(&mut answer, "responseBody", &reply.body);
    lock(&core.dlq).push(DeadLetter {
        id: id.clone(),
        message: Arc::clone(message),
        reply: answer,
    });
    id
}

/// The ids of one page of dead letters, and the cursor of the next.
fn select(core: &Core, filter: &Filter) -> (Vec<String>, Option<String>) {
    let (letters, cursor) = page(core, filter);
    let id = |letter: &Value| letter["dlqId"].as_str().map(str::to_owned);
    (letters.iter().filter_map(id).collect(), cursor)
}

fn page(core: &Core, filter: &Filter) -> (Vec<Value>, Option<String>) {
    let letters = lock(&core.dlq);
    filter.page(letters.iter().map(DeadLetter::describe), "dlqId")
}

fn take(core: &Core, id: &str) -> Result<DeadLetter, Refusal> {
    let mut letters = lock(&core.dlq);
    let position = letters.iter().position(|letter| letter.id == id);
    let position = position.ok_or_else(|| Refusal::not_found("dlq message", id))?;
    Ok(letters.remove(position))
}

/// Sends a dead letter as a new message; `over` replaces headers of the original.
fn resend(core: &Arc<Core>, id: &str, over: &HeaderMap) -> Result<Value, Refusal> {
    // The original's delay was served long ago.
    let mut headers = lock(&core.dlq)
        .iter()
        .find(|letter| letter.id == id)
        .map(|letter| letter.message.headers.clone())
        .ok_or_else(|| Refusal::not_found("dlq message", id))?;
    headers.remove("upstash-delay");
    headers.remove("upstash-not-before");
    let headers = headers::overlay(&headers, &headers::of_message(over));
    let options = Options::parse(&headers).map_err(Refusal::bad_request)?;
    let letter = take(core, id)?;
    let id = new_id();
    let message = Message {
        id: id.clone(),
        url: letter.message.url.clone(),
        body: letter.message.body.clone(),
        headers,
        options,
        origin: letter.message.origin.clone(),
        created_ms: now_ms(),
    };
    publish::launch(core, message);
    Ok(json!({ "messageId": id }))
}

/// `GET /v2/dlq`: oldest first.
pub(super) async fn list(State(core): State<Arc<Core>>, uri: Uri, body: Bytes) -> Json<Value> {
    let (messages, cursor) = page(&core, &Filter::new(&uri, &body, "dlqIds"));
    Json(present(json!({ "messages": messages, "cursor": cursor })))
}

/// `GET /v2/dlq/{id}`.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let letters = lock(&core.dlq);
    let letter = letters.iter().find(|letter| letter.id == id);
    let letter = letter.ok_or_else(|| Refusal::not_found("dlq message", &id))?;
    Ok(Json(letter.describe()))
}

/// `DELETE /v2/dlq/{id}`.
pub(super) async fn delete(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<(), Refusal> {
    take(&core, &id).map(drop)
}

/// `DELETE /v2/dlq`: by ids or by filter, a page at a time.
pub(super) async fn delete_many(
    State(core): State<Arc<Core>>,
    uri: Uri,
    body: Bytes,
) -> Json<Value> {
    let (ids, cursor) = select(&core, &Filter::new(&uri, &body, "dlqIds"));
    let deleted = ids.iter().filter(|id| take(&core, id).is_ok()).count();
    Json(present(json!({ "deleted": deleted, "cursor": cursor })))
}

/// `POST /v2/dlq/retry/{id}`.
pub(super) async fn retry(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let receipt = resend(&core, &id, &headers)?;
    Ok((StatusCode::CREATED, Json(receipt)))
}

/// `POST /v2/dlq/retry`: by ids or by filter, a page at a time.
pub(super) async fn retry_many(
    State(core): State<Arc<Core>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let (ids, cursor) = select(&core, &Filter::new(&uri, &body, "dlqIds"));
    let mut receipts = Vec::new();
    for id in ids {
        receipts.push(resend(&core, &id, &headers)?);
    }
    let answer = present(json!({ "responses": receipts, "cursor": cursor }));
    Ok((StatusCode::CREATED, Json(answer)))
}
