//! A request to a function on Lambda: an event to its emulator, and its answer back.

use super::{
    answer,
    event::{Context, event},
    route::Matched,
    vercel::Client,
};
use crate::functions::Functions;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

/// Invokes the function and waits for it, also when the caller has gone: an event cannot be called back.
pub(super) async fn invoke(
    functions: Arc<Functions>,
    client: Client,
    matched: Matched,
    mut parts: Parts,
    body: Bytes,
) -> Response<Bytes> {
    let request_id = Uuid::new_v4();
    let at = OffsetDateTime::now_utc();
    let headers = &mut parts.headers;
    let trace = format!(
        "Root=1-{:08x}-{}",
        at.unix_timestamp(),
        &request_id.simple().to_string()[..24]
    );
    for (name, value) in [
        ("x-amzn-trace-id", trace.as_str()),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    let context = Context {
        request_id: request_id.to_string(),
        at,
    };
    let event = event(&matched, &parts, &body, &context);
    let invocation = tokio::spawn(async move {
        let lease = functions.lease(matched.route.name).await?;
        let answered = timeout(
            functions.timeout() + GRACE,
            post(&client, lease.port, &event),
        );
        Ok::<_, crate::functions::Error>(answered.await)
    });
    match invocation.await {
        Ok(Ok(Ok(Some(response)))) => response,
        Ok(Ok(Err(_elapsed))) => answer::too_slow(),
        Ok(Ok(Ok(None))) | Err(_) => answer::internal_error(),
        Ok(Err(error)) => {
            eprintln!("{error}");
            answer::internal_error()
        }
    }
}

/// The emulator ends a slow function itself; this is for an emulator that hangs.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// `None` when the emulator or the connection to it broke.
async fn post(client: &Client, port: u16, event: &serde_json::Value) -> Option<Response<Bytes>> {
    let uri = format!("http://127.0.0.1:{port}/2015-03-31/functions/function/invocations");
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
        .body(Full::from(event.to_string()))
        .ok()?;
    let answered = client.request(request).await.ok()?;
    let status = answered.status();
    let payload = answered.into_body().collect().await.ok()?.to_bytes();
    Some(answer::response(status, &payload))
}
