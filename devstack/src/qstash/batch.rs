//! `/v2/batch`: many publishes in one request.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Extension, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    core::Core,
    headers,
    message::Origin,
    publish::{Accepted, Publication, accept, under_faults},
    refusal::Refusal,
    server::Peer,
};

/// One message of a batch.
#[derive(Deserialize)]
struct Item {
    destination: String,
    queue: Option<String>,
    body: Option<String>,
    headers: Option<BTreeMap<String, String>>,
}

/// `POST /v2/batch`: an answer per message, an error of one leaves the others alone.
pub(super) async fn batch(
    State(core): State<Arc<Core>>,
    Extension(peer): Extension<Peer>,
    body: Bytes,
) -> Response {
    let items: Vec<Item> = match serde_json::from_slice(&body) {
        Ok(items) => items,
        Err(error) => {
            return Refusal::bad_request(format!("invalid batch: {error}")).into_response();
        }
    };
    let destinations: Vec<_> = items.iter().map(|item| item.destination.clone()).collect();
    under_faults(&core, &peer, &destinations, || {
        let answers: Vec<Value> = items
            .into_iter()
            .map(|item| match accept_item(&core, &peer, item) {
                Ok(accepted) => json!(accepted),
                Err(refusal) => refusal.body(),
            })
            .collect();
        Ok::<_, Refusal>(Json(answers))
    })
    .await
}

fn accept_item(core: &Arc<Core>, peer: &Peer, item: Item) -> Result<Accepted, Refusal> {
    let mut headers = HeaderMap::new();
    for (name, value) in item.headers.unwrap_or_default() {
        let name: Result<HeaderName, _> = name.parse();
        let value = HeaderValue::from_str(&value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Refusal::bad_request("invalid header in the batch"));
        };
        headers.append(name, value);
    }
    let publication = Publication {
        destination: item.destination,
        headers: headers::of_message(&headers),
        body: item.body.unwrap_or_default().into(),
        origin: Origin {
            queue: item.queue,
            ..peer.origin()
        },
    };
    accept(core, publication)
}
