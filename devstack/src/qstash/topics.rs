//! `/v2/topics`: URL groups, that is one name for several destinations.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};

use super::{
    clock::now_ms,
    core::{Core, lock},
    headers::is_url,
    refusal::Refusal,
};

/// A URL group.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Topic {
    name: String,
    created_at: u64,
    updated_at: u64,
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoint {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default)]
    url: String,
}

impl Endpoint {
    /// An endpoint is known by its URL, or by its name if it has one.
    fn is(&self, other: &Self) -> bool {
        self.url == other.url || (self.name.is_some() && self.name == other.name)
    }
}

impl Topic {
    /// The URL and the name of each endpoint.
    pub(super) fn targets(&self) -> Vec<(String, Option<String>)> {
        let target = |endpoint: &Endpoint| (endpoint.url.clone(), endpoint.name.clone());
        self.endpoints.iter().map(target).collect()
    }
}

/// The body of both changes of endpoints.
#[derive(Deserialize)]
pub(super) struct Endpoints {
    endpoints: Vec<Endpoint>,
}

/// `GET /v2/topics`.
pub(super) async fn list(State(core): State<Arc<Core>>) -> Json<Vec<Topic>> {
    Json(lock(&core.topics).values().cloned().collect())
}

/// `GET /v2/topics/{name}`.
pub(super) async fn get(
    State(core): State<Arc<Core>>,
    Path(name): Path<String>,
) -> Result<Json<Topic>, Refusal> {
    let topic = lock(&core.topics).get(&name).cloned();
    topic
        .map(Json)
        .ok_or_else(|| Refusal::not_found("topic", &name))
}

/// `DELETE /v2/topics/{name}`: messages that are under way are not affected.
pub(super) async fn delete(
    State(core): State<Arc<Core>>,
    Path(name): Path<String>,
) -> Result<(), Refusal> {
    let gone = lock(&core.topics).remove(&name);
    gone.map(drop)
        .ok_or_else(|| Refusal::not_found("topic", &name))
}

/// `POST /v2/topics/{name}/endpoints`: adds endpoints or replaces those of the same name or URL.
pub(super) async fn add(
    State(core): State<Arc<Core>>,
    Path(name): Path<String>,
    Json(body): Json<Endpoints>,
) -> Result<Json<Topic>, Refusal> {
    if is_url(&name) || name.is_empty() {
        return Err(Refusal::bad_request("invalid topic name"));
    }
    if let Some(bad) = body
        .endpoints
        .iter()
        .find(|endpoint| !is_url(&endpoint.url))
    {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("invalid endpoint url: `{}`", bad.url),
        ));
    }
    let now = now_ms();
    let mut topics = lock(&core.topics);
    let topic = topics.entry(name.clone()).or_insert_with(|| Topic {
        name,
        created_at: now,
        updated_at: now,
        endpoints: Vec::new(),
    });
    for endpoint in body.endpoints {
        topic.endpoints.retain(|known| !known.is(&endpoint));
        topic.endpoints.push(endpoint);
    }
    topic.updated_at = now;
    Ok(Json(topic.clone()))
}

/// `DELETE /v2/topics/{name}/endpoints`: by name or URL; a group without endpoints is deleted.
pub(super) async fn remove(
    State(core): State<Arc<Core>>,
    Path(name): Path<String>,
    Json(body): Json<Endpoints>,
) -> Result<(), Refusal> {
    let mut topics = lock(&core.topics);
    let topic = topics
        .get_mut(&name)
        .ok_or_else(|| Refusal::not_found("topic", &name))?;
    topic
        .endpoints
        .retain(|known| !body.endpoints.iter().any(|gone| known.is(gone)));
    topic.updated_at = now_ms();
    if topic.endpoints.is_empty() {
        topics.remove(&name);
    }
    Ok(())
}
