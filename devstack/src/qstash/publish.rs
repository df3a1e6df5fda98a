//! `/v2/publish` and `/v2/enqueue`: messages come in, each becomes a task of its own.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{
    callback,
    clock::now_ms,
    core::{Core, lock},
    dedup, deliver,
    faults::PublishFault,
    headers::{self, Options},
    logs,
    message::{Message, Origin, new_id},
    queues,
    refusal::Refusal,
    server::Peer,
};

/// A request to send `body` to `destination`: a URL or the name of a URL group.
pub(super) struct Publication {
    pub(super) destination: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) origin: Origin,
}

/// The answer for one message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Receipt {
    message_id: String,
    /// Only for the endpoints of a URL group.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deduplicated: bool,
}

/// The answer for a destination: one receipt, or one per endpoint of a group.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Accepted {
    One(Receipt),
    Group(Vec<Receipt>),
}

impl Accepted {
    /// The messages that it names.
    pub(super) fn message_ids(&self) -> Vec<String> {
        let receipts = match self {
            Self::One(receipt) => std::slice::from_ref(receipt),
            Self::Group(receipts) => receipts,
        };
        let id = |receipt: &Receipt| receipt.message_id.clone();
        receipts.iter().map(id).collect()
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let status = match &self {
            // Documented: a duplicate is told by its status.
            Self::One(receipt) if receipt.deduplicated => StatusCode::ACCEPTED,
            _ => StatusCode::OK,
        };
        (status, Json(self)).into_response()
    }
}

/// `POST /v2/publish/{destination}`.
pub(super) async fn publish(
    State(core): State<Arc<Core>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let publication = Publication {
        destination: tail(&uri, "/v2/publish/"),
        headers: headers::of_message(&headers),
        body,
        origin: peer.origin(),
    };
    let destinations = [publication.destination.clone()];
    under_faults(&core, &peer, &destinations, || accept(&core, publication)).await
}

/// `POST /v2/enqueue/{queue}/{destination}`.
pub(super) async fn enqueue(
    State(core): State<Arc<Core>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let tail = tail(&uri, "/v2/enqueue/");
    let Some((queue, destination)) = tail.split_once('/') else {
        return Refusal::bad_request("queue and destination are required").into_response();
    };
    let publication = Publication {
        destination: destination.to_owned(),
        headers: headers::of_message(&headers),
        body,
        origin: Origin {
            queue: Some(queue.to_owned()),
            ..peer.origin()
        },
    };
    let destinations = [publication.destination.clone()];
    under_faults(&core, &peer, &destinations, || accept(&core, publication)).await
}

/// Turns a publication into messages and starts them.
pub(super) fn accept(core: &Arc<Core>, publication: Publication) -> Result<Accepted, Refusal> {
    let (options, group) = check(core, &publication)?;
    let send = |url: String, endpoint: Option<String>| {
        let in_group = group.is_some();
        let id = new_id();
        let key = dedup::key(
            &options.deduplication,
            &publication,
            in_group.then_some(&url),
            &options.sent,
        );
        let earlier = key.and_then(|key| dedup::earlier(core, key, &id));
        let receipt = Receipt {
            deduplicated: earlier.is_some(),
            url: in_group.then(|| url.clone()),
            message_id: earlier.clone().unwrap_or_else(|| id.clone()),
        };
        if earlier.is_none() {
            let origin = Origin {
                topic: in_group.then(|| publication.destination.clone()),
                endpoint,
                queue: publication
                    .origin
                    .queue
                    .clone()
                    .or_else(|| options.queue.clone()),
                ..publication.origin.clone()
            };
            let message = Message {
                id,
                url,
                body: publication.body.clone(),
                headers: publication.headers.clone(),
                options: options.clone(),
                origin,
                created_ms: now_ms(),
            };
            launch(core, message);
        }
        receipt
    };
    Ok(match &group {
        None => Accepted::One(send(publication.destination.clone(), None)),
        Some(endpoints) => Accepted::Group(
            endpoints
                .iter()
                .map(|(url, name)| send(url.clone(), name.clone()))
                .collect(),
        ),
    })
}

/// The URL and the name of each endpoint of a group.
type Endpoints = Vec<(String, Option<String>)>;

/// Refuses what can never be delivered; names the endpoints if the destination is a group.
pub(super) fn check(
    core: &Core,
    publication: &Publication,
) -> Result<(Options, Option<Endpoints>), Refusal> {
    let options = Options::parse(&publication.headers).map_err(Refusal::bad_request)?;
    callback::check(&publication.headers).map_err(Refusal::bad_request)?;
    if publication.body.len() > core.max_body {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("message body exceeds the limit of {} bytes", core.max_body),
        ));
    }
    let destination = &publication.destination;
    if headers::is_url(destination) {
        return Ok((options, None));
    }
    match lock(&core.topics).get(destination) {
        Some(topic) => Ok((options, Some(topic.targets()))),
        // What QStash says to a name that it does not know.
        None => Err(Refusal::bad_request(
            "invalid destination url: endpoint has invalid scheme, add http:// or https://",
        )),
    }
}

/// Starts the task that sees a message through.
pub(super) fn launch(core: &Arc<Core>, message: Message) {
    let message = Arc::new(message);
    logs::record(core, &message, "CREATED", Value::Null);
    let place = message
        .origin
        .queue
        .as_deref()
        .map(|queue| queues::join(core, queue));
    let run = deliver::run(Arc::clone(core), Arc::clone(&message), place, core.open());
    if let Some((key, limits)) = &message.options.flow {
        core.flow_gates.get(key).limit(limits, &core.clock);
    }
    // Under the lock, so that the task cannot remove its entry before it is there.
    let mut pending = lock(&core.pending);
    let task = tokio::spawn(run).abort_handle();
    pending.insert(message.id.clone(), (message, task));
}

/// The destination as it stands in the request, query included; it may be percent-encoded as a whole.
pub(super) fn tail(uri: &Uri, prefix: &str) -> String {
    let whole = uri.path_and_query().map_or("", |path| path.as_str());
    let tail = whole.strip_prefix(prefix).unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(tail).decode_utf8_lossy();
    if tail.contains("://") || !headers::is_url(&decoded) {
        tail.to_owned()
    } else {
        decoded.into_owned()
    }
}

/// Runs `accept` as the faults would have it, see [`super::faults`].
pub(super) async fn under_faults<R: IntoResponse>(
    core: &Core,
    peer: &Peer,
    destinations: &[String],
    accept: impl FnOnce() -> Result<R, Refusal>,
) -> Response {
    match core.faults.publish(destinations) {
        PublishFault::None => {}
        PublishFault::Fail(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Refusal::new(status, "a fault on purpose").into_response();
        }
        PublishFault::Hang => {
            core.stopped().await;
            return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "stopping").into_response();
        }
        PublishFault::Delay(wait) => tokio::time::sleep(wait).await,
        PublishFault::LoseReply => peer.cut(),
    }
    accept().into_response()
}
