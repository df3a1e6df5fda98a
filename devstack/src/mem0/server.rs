//! The routes of the self-hosted server's API.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::Fault;
use super::filters::{matches_plainly, ranked};
use super::store::{Memory, Push, Store, now};

pub(super) fn routes() -> Router<Store> {
    Router::new()
        .route("/memories", post(add))
        .route("/memories", get(list))
        .route("/memories", delete(delete_all))
        .route("/memories/{id}", delete(delete_one))
        .route("/search", post(search))
}

/// The body of an add; the platform's has the same members, and more.
#[derive(Deserialize)]
pub(super) struct NewMemory {
    pub(super) messages: Vec<Message>,
    user_id: Option<String>,
    run_id: Option<String>,
    #[serde(default)]
    metadata: Value,
    pub(super) infer: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    role: String,
    content: String,
}

impl Message {
    pub(super) fn has_known_role(&self) -> bool {
        matches!(self.role.as_str(), "user" | "assistant" | "system")
    }
}

impl NewMemory {
    pub(super) fn has_entity(&self) -> bool {
        self.user_id.is_some() || self.run_id.is_some()
    }

    pub(super) fn push(&self, by_platform: bool) -> Push {
        Push {
            user_id: self.user_id.clone(),
            run_id: self.run_id.clone(),
            texts: self
                .messages
                .iter()
                .map(|message| message.content.clone())
                .collect(),
            metadata: self.metadata.clone(),
            by_platform,
        }
    }

    /// One memory a message, whether facts are to be found or not.
    pub(super) fn memories(&self) -> Vec<Memory> {
        self.messages
            .iter()
            .map(|message| Memory {
                id: Uuid::new_v4().to_string(),
                user_id: self.user_id.clone(),
                run_id: self.run_id.clone(),
                text: message.content.clone(),
                role: message.role.clone(),
                metadata: self.metadata.clone(),
                created_at: now(),
            })
            .collect()
    }
}

async fn add(
    State(store): State<Store>,
    Extension(fault): Extension<Option<Fault>>,
    Json(new): Json<NewMemory>,
) -> Response {
    if !new.has_entity() {
        let detail = "At least one identifier (user_id, agent_id, run_id) is required.";
        return (StatusCode::BAD_REQUEST, Json(json!({"detail": detail}))).into_response();
    }
    if fault == Some(Fault::FailLater) {
        let body = json!({"detail": "Upstream provider error."});
        return (StatusCode::BAD_GATEWAY, Json(body)).into_response();
    }
    store.record_push(new.push(false));
    let mut memories = new.memories();
    if fault == Some(Fault::FindNothing) {
        memories.clear();
    }
    // Without inference a system's message is left out.
    if new.infer == Some(false) {
        memories.retain(|memory| memory.role != "system");
    }
    let results: Vec<Value> = memories
        .iter()
        .map(|memory| json!({"id": memory.id, "memory": memory.text, "event": "ADD"}))
        .collect();
    store.keep(memories);
    Json(json!({"results": results})).into_response()
}

#[derive(Deserialize)]
struct Listed {
    user_id: Option<String>,
    run_id: Option<String>,
    top_k: Option<usize>,
}

impl Listed {
    fn wants(&self, memory: &Memory) -> bool {
        (self.user_id.is_none() || self.user_id == memory.user_id)
            && (self.run_id.is_none() || self.run_id == memory.run_id)
    }
}

async fn list(State(store): State<Store>, Query(listed): Query<Listed>) -> Response {
    if listed.top_k.is_some_and(|top| top > 1000) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let results: Vec<Value> = store
        .memories()
        .iter()
        .filter(|memory| listed.wants(memory))
        .take(listed.top_k.unwrap_or(20))
        .map(|memory| told(memory, None))
        .collect();
    Json(json!({"results": results})).into_response()
}

#[derive(Deserialize)]
struct Search {
    query: String,
    #[serde(default)]
    filters: Value,
    top_k: Option<usize>,
    threshold: Option<f64>,
}

async fn search(State(store): State<Store>, Json(wanted): Json<Search>) -> Response {
    let names_somebody = ["user_id", "run_id", "agent_id"]
        .iter()
        .any(|key| wanted.filters.get(key).is_some());
    if !names_somebody || wanted.query.trim().is_empty() {
        let body =
            json!({"detail": "filters must contain at least one of: user_id, agent_id, run_id."});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    let mut found = store.memories();
    found.retain(|memory| matches_plainly(&wanted.filters, memory));
    let (threshold, top) = (wanted.threshold.unwrap_or(0.1), wanted.top_k.unwrap_or(20));
    let results: Vec<Value> = ranked(found, &wanted.query, threshold, top)
        .iter()
        .map(|(score, memory)| told(memory, Some(*score)))
        .collect();
    Json(json!({"results": results})).into_response()
}

fn told(memory: &Memory, score: Option<f64>) -> Value {
    let mut told = json!({
        "id": memory.id,
        "memory": memory.text,
        "user_id": memory.user_id,
        "run_id": memory.run_id,
        "role": memory.role,
        "metadata": memory.metadata,
        "created_at": memory.created_at,
        "updated_at": memory.created_at,
    });
    if let Some(score) = score {
        told["score"] = json!(score);
    }
    told
}

async fn delete_all(State(store): State<Store>, Query(listed): Query<Listed>) -> Response {
    if listed.user_id.is_none() && listed.run_id.is_none() {
        let body = json!({"detail": "At least one identifier is required."});
        return (StatusCode::BAD_REQUEST, Json(body)).into_response();
    }
    store.delete(|memory| listed.wants(memory));
    Json(json!({"message": "All relevant memories deleted"})).into_response()
}

async fn delete_one(State(store): State<Store>, Path(id): Path<String>) -> Response {
    match store.delete(|memory| memory.id == id) {
        0 => (
            StatusCode::NOT_FOUND,
            Json(json!({"detail": format!("Memory with id {id} not found")})),
        )
            .into_response(),
        _ => Json(json!({"message": "Memory deleted successfully"})).into_response(),
    }
}
