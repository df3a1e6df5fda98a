//! The routes of the platform's API.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::faults::Fault;
use super::filters::{matches, ranked};
use super::server::NewMemory;
use super::store::{Event, Memory, Store};

pub(super) fn routes() -> Router<Store> {
    Router::new()
        .route("/v3/memories/add/", post(add))
        .route("/v3/memories/", post(list))
        .route("/v3/memories/search/", post(search))
        .route("/v1/memories/", delete(delete_all))
        .route("/v1/memories/{id}/", delete(delete_one))
        .route("/v2/entities/{kind}/{id}/", delete(delete_entity))
        .route("/v1/event/{id}/", get(event))
        .route("/v1/events/", get(events))
        .route("/v1/ping/", get(async || Json(json!({"status": "ok"}))))
}

async fn add(
    State(store): State<Store>,
    Extension(fault): Extension<Option<Fault>>,
    Json(payload): Json<Value>,
) -> Response {
    let Ok(new) = NewMemory::deserialize(&payload) else {
        return bad("Invalid input data.");
    };
    if !new.has_entity() || !new.messages.iter().all(|message| message.has_known_role()) {
        return bad("Invalid input data.");
    }
    store.record_push(new.push(true));
    let memories = match fault {
        Some(Fault::FailLater) => None,
        Some(Fault::FindNothing) => Some(Vec::new()),
        _ => Some(new.memories()),
    };
    if new.infer.unwrap_or(true) {
        let id = store.keep_later(payload, memories);
        return Json(json!({"event_id": id, "status": "PENDING"})).into_response();
    }
    let memories = memories.unwrap_or_default();
    let results: Vec<Value> = memories.iter().map(Memory::result).collect();
    store.keep(memories);
    let id = Uuid::new_v4();
    Json(json!({"event_id": id, "status": "SUCCEEDED", "message": "Stored.", "results": results}))
        .into_response()
}

#[derive(Deserialize)]
struct Page {
    page: Option<usize>,
    page_size: Option<usize>,
}

impl Page {
    fn size(&self) -> usize {
        self.page_size.unwrap_or(100).clamp(1, 200)
    }

    fn skipped(&self) -> usize {
        (self.page.unwrap_or(1).max(1) - 1) * self.size()
    }

    /// The platform's envelope around one page of `count` results.
    fn around(&self, results: Vec<Value>, count: usize, path: &str) -> Json<Value> {
        let (end, size) = (self.skipped() + self.size(), self.size());
        let next = (end < count).then(|| {
            let page = end / size + 1;
            format!("https://api.mem0.ai{path}?page={page}&page_size={size}")
        });
        Json(json!({"count": count, "next": next, "previous": null, "results": results}))
    }
}

#[derive(Deserialize)]
struct Filtered {
    filters: Value,
    #[serde(default)]
    query: String,
    top_k: Option<usize>,
    threshold: Option<f64>,
}

impl Filtered {
    /// The memories that match, in order of arrival.
    fn memories(&self, store: &Store) -> Result<Vec<Memory>, String> {
        let names_somebody = ["user_id", "run_id", "agent_id", "app_id", "AND", "OR"]
            .iter()
            .any(|key| self.filters.get(key).is_some());
        if !names_somebody {
            return Err("At least one entity ID is required.".to_owned());
        }
        let mut found = Vec::new();
        for memory in store.memories() {
            match matches(&self.filters, &memory) {
                Ok(true) => found.push(memory),
                Ok(false) => {}
                Err(key) => return Err(format!("Not an allowed field: {key}")),
            }
        }
        Ok(found)
    }
}

async fn list(
    State(store): State<Store>,
    Query(page): Query<Page>,
    Json(wanted): Json<Filtered>,
) -> Response {
    match wanted.memories(&store) {
        Err(refusal) => bad(&refusal),
        Ok(found) => {
            let listed = found.iter().skip(page.skipped()).take(page.size());
            let listed = listed.map(|memory| told(memory, "session_id", None));
            page.around(listed.collect(), found.len(), "/v3/memories/")
                .into_response()
        }
    }
}

async fn search(State(store): State<Store>, Json(wanted): Json<Filtered>) -> Response {
    if wanted.query.trim().is_empty() {
        return bad("query may not be blank");
    }
    match wanted.memories(&store) {
        Err(refusal) => bad(&refusal),
        Ok(found) => {
            let (threshold, top) = (wanted.threshold.unwrap_or(0.1), wanted.top_k.unwrap_or(10));
            let results: Vec<Value> = ranked(found, &wanted.query, threshold, top)
                .iter()
                .map(|(score, memory)| told(memory, "run_id", Some(*score)))
                .collect();
            Json(json!({"results": results})).into_response()
        }
    }
}

/// The session has another name in a list than in a search; so it is there.
fn told(memory: &Memory, session: &str, score: Option<f64>) -> Value {
    let mut told = json!({
        "id": memory.id,
        "memory": memory.text,
        "user_id": memory.user_id,
        "metadata": memory.metadata,
        "categories": [],
        "created_at": memory.created_at,
        "updated_at": memory.created_at,
    });
    told[session] = json!(memory.run_id);
    if let Some(score) = score {
        told["score"] = json!(score);
    }
    told
}

#[derive(Deserialize)]
struct OfUser {
    user_id: Option<String>,
}

async fn delete_all(State(store): State<Store>, Query(wanted): Query<OfUser>) -> Response {
    match wanted.user_id {
        None => bad("At least one filter is required."),
        Some(user) => in_progress(&store, &user),
    }
}

async fn delete_entity(
    State(store): State<Store>,
    Path((kind, id)): Path<(String, String)>,
) -> Response {
    match kind.as_str() {
        "user" => in_progress(&store, &id),
        _ => bad("Invalid entity type"),
    }
}

fn in_progress(store: &Store, user: &str) -> Response {
    let id = store.delete_later(user);
    let message = "Delete in progress. This may take some time.";
    Json(json!({"message": message, "event_id": id})).into_response()
}

async fn delete_one(State(store): State<Store>, Path(id): Path<String>) -> Response {
    match store.delete(|memory| memory.id == id) {
        0 => (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "Memory not found!"})),
        )
            .into_response(),
        _ => Json(json!({"message": "Memory deleted successfully!"})).into_response(),
    }
}

async fn event(State(store): State<Store>, Path(id): Path<String>) -> Response {
    match store.event(&id) {
        Some(event) => Json(event_told(&event)).into_response(),
        None => (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "Event not found or you don't have permission to access it."})),
        )
            .into_response(),
    }
}

async fn events(State(store): State<Store>, Query(page): Query<Page>) -> Json<Value> {
    let (count, events) = store.events(page.skipped(), page.size());
    page.around(
        events.iter().map(event_told).collect(),
        count,
        "/v1/events/",
    )
}

fn event_told(event: &Event) -> Value {
    json!({
        "id": event.id,
        "event_type": event.kind,
        "status": event.status,
        "payload": event.payload,
        "metadata": null,
        "results": event.results,
        "error": (event.status == "FAILED").then_some("on purpose"),
        "created_at": event.created_at,
        "updated_at": event.created_at,
    })
}

fn bad(message: &str) -> Response {
    let body = json!({"error": "400 Bad Request", "details": {"message": message}});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
