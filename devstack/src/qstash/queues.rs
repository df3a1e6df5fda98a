//! `/v2/queues`: messages of one queue are delivered in order, `parallelism` at a time.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    clock::now_ms,
    core::{Core, lock},
    flow::{Limits, Place},
    refusal::Refusal,
};

/// A queue; its line of messages is the gate of its name.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    created_ms: u64,
    updated_ms: u64,
    parallelism: usize,
}

/// Takes the next place in a queue; an unknown queue is made, as documented.
pub(super) fn join(core: &Core, name: &str) -> Place {
    if !lock(&core.queues).contains_key(name) {
        set(core, name, 1);
    }
    core.queue_gates.get(name).join()
}

fn set(core: &Core, name: &str, parallelism: usize) {
    let now = now_ms();
    let mut queues = lock(&core.queues);
    let created_ms = queues.get(name).map_or(now, |queue| queue.created_ms);
    let queue = Queue {
        created_ms,
        updated_ms: now,
        parallelism,
    };
    queues.insert(name.to_owned(), queue);
    let limits = Limits::parallel(Some(parallelism));
    core.queue_gates.get(name).limit(&limits, &core.clock);
}

fn describe(core: &Core, name: &str, queue: &Queue) -> Value {
    let gate = core.queue_gates.get(name);
    json!({
        "name": name,
        "createdAt": queue.created_ms,
        "updatedAt": queue.updated_ms,
        "parallelism": queue.parallelism,
        "paused": gate.is_paused(),
        "lag": gate.lag(),
    })
}

/// The body of an upsert.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Upsert {
    queue_name: String,
    #[serde(default = "one")]
    parallelism: usize,
    #[serde(default)]
    paused: Option<bool>,
}

fn one() -> usize {
    1
}

/// `POST /v2/queues`.
pub(super) async fn upsert(
    State(core): State<Arc<Core>>,
    Json(body): Json<Upsert>,
) -> Result<(), Refusal> {
    if body.parallelism == 0 {
        return Err(Refusal::bad_request("parallelism must be greater than 0"));
    }
    set(&core, &body.queue_name, body.parallelism);
    if let Some(paused) = body.paused {
        core.queue_gates.get(&body.queue_name).pause(paused);
    }
    Ok(())
}

/// `GET /v2/queues`.
pub(super) async fn list(State(core): State<Arc<Core>>) -> Json<Vec<Value>> {
    let queues = lock(&core.queues);
    let queues = queues
        .iter()
        .map(|(name, queue)| describe(&core, name, queue));
    Json(queues.collect())
}

/// `GET /v2/queues/{name}`.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(name): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let queue = lock(&core.queues).get(&name).cloned();
    let queue = queue.ok_or_else(|| Refusal::not_found("queue", &name))?;
    Ok(Json(describe(&core, &name, &queue)))
}

/// `DELETE /v2/queues/{name}`.
pub(super) async fn delete(State(core): State<Arc<Core>>, Path(name): Path<String>) {
    lock(&core.queues).remove(&name);
}

/// `POST /v2/queues/{name}/pause`.
pub(super) async fn pause(State(core): State<Arc<Core>>, Path(name): Path<String>) {
    core.queue_gates.get(&name).pause(true);
}

/// `POST /v2/queues/{name}/resume`.
pub(super) async fn resume(State(core): State<Arc<Core>>, Path(name): Path<String>) {
    core.queue_gates.get(&name).pause(false);
}
