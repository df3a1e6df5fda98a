//! `/v2/messages`: messages that are neither delivered nor given up.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    core::{Core, lock},
    filter::Filter,
    logs,
    refusal::Refusal,
};

/// `GET /v2/messages/{id}`.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let pending = lock(&core.pending);
    let (message, _) = pending
        .get(&id)
        .ok_or_else(|| Refusal::not_found("message", &id))?;
    Ok(Json(message.describe()))
}

/// `DELETE /v2/messages/{id}`: a delivery that is under way is cut off.
pub(super) async fn cancel(
    State(core): State<Arc<Core>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    if !abort(&core, &id) {
        return Err(Refusal::not_found("message", &id));
    }
    Ok(Json(json!({ "cancelled": 1 })))
}

/// `DELETE /v2/messages`: by ids, by filter, or all.
pub(super) async fn cancel_many(
    State(core): State<Arc<Core>>,
    uri: Uri,
    body: Bytes,
) -> Json<Value> {
    let filter = Filter::new(&uri, &body, "messageIds");
    let count = filter.one("count").and_then(|count| count.parse().ok());
    let ids: Vec<String> = lock(&core.pending)
        .values()
        .filter(|(message, _)| filter.matches(&message.describe()))
        .map(|(message, _)| message.id.clone())
        .take(count.unwrap_or(usize::MAX))
        .collect();
    let cancelled = ids.iter().filter(|id| abort(&core, id)).count();
    Json(json!({ "cancelled": cancelled }))
}

fn abort(core: &Core, id: &str) -> bool {
    let Some((message, task)) = lock(&core.pending).remove(id) else {
        return false;
    };
    task.abort();
    logs::record(core, &message, "CANCELLED", Value::Null);
    true
}
