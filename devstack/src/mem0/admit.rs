//! The layer around the routes: the record, the key, and what goes wrong on purpose.

use std::io;

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};

use super::Service;
use super::faults::Fault;
use crate::trickle::trickled;

pub(super) async fn admit(
    State(service): State<Service>,
    request: Request,
    next: Next,
) -> Response {
    let (mut head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return (StatusCode::BAD_REQUEST, "The body broke off.").into_response();
    };
    let line = format!(
        "{} {}\n{}",
        head.method,
        head.uri,
        String::from_utf8_lossy(&body)
    );
    service
        .received
        .note(&head.method, &head.uri, &head.headers, &body);
    service.faults.pass().await;
    let is_platform = head.uri.path().starts_with("/v");
    if service.faults.refuses_key() || !carries(&head.headers, &service.api_key, is_platform) {
        let detail = if is_platform {
            "Given token not valid for any token type"
        } else {
            "Invalid API key."
        };
        return (StatusCode::UNAUTHORIZED, Json(json!({"detail": detail}))).into_response();
    }
    let is_add =
        matches!(head.uri.path(), "/v3/memories/add/" | "/memories") && head.method == "POST";
    match service.faults.fault(&line, is_add) {
        Some(Fault::Status(status, retry_after)) => {
            let mut response = (status, Json(json!({"detail": "on purpose"}))).into_response();
            if let Some(after) = retry_after {
                let after = HeaderValue::from(after.as_secs());
                response.headers_mut().insert(header::RETRY_AFTER, after);
            }
            response
        }
        Some(Fault::Quote(status)) => {
            let request = String::from_utf8_lossy(&body);
            let quoted = json!({"detail": request, "results": request, "event_id": [request]});
            (status, Json(quoted)).into_response()
        }
        Some(Fault::SayFailed) => Json(said_failed(is_platform && is_add)).into_response(),
        Some(Fault::LoseReply) => {
            head.extensions.insert(None::<Fault>);
            let served = next.run(Request::from_parts(head, Body::from(body))).await;
            let broken = async { Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionReset)) };
            let lost = Body::from_stream(stream::once(broken));
            (served.status(), lost).into_response()
        }
        fault => {
            head.extensions.insert(fault);
            let response = next.run(Request::from_parts(head, Body::from(body))).await;
            match service.faults.trickling() {
                Some(switch) => trickled(response, switch, |on| *on).await,
                None => response,
            }
        }
    }
}

fn carries(headers: &HeaderMap, key: &str, is_platform: bool) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if is_platform {
        text("authorization").and_then(|value| value.strip_prefix("Token ")) == Some(key)
    } else {
        text("x-api-key") == Some(key)
    }
}

fn said_failed(as_event: bool) -> Value {
    if as_event {
        json!({"event_id": uuid::Uuid::new_v4(), "status": "FAILED"})
    } else {
        json!({"error": "on purpose"})
    }
}
