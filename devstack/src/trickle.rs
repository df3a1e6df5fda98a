//! Answers that begin at once and then come byte by byte, slower than anybody waits.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header;
use axum::response::Response;
use futures_util::stream::unfold;
use tokio::sync::watch;

/// Between two bytes: 50 of them take a second.
const PACE: Duration = Duration::from_millis(20);

/// The answer at that pace, while the switch says so; then the rest of it at once.
pub(crate) async fn trickled<T>(
    response: Response,
    switch: watch::Receiver<T>,
    is_on: fn(&T) -> bool,
) -> Response
where
    T: Send + Sync + 'static,
{
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.remove(header::CONTENT_LENGTH);
    let bytes = unfold((body, switch), move |(mut rest, mut switch)| async move {
        if rest.is_empty() {
            return None;
        }
        let off = tokio::time::timeout(PACE, switch.wait_for(|state| !is_on(state)))
            .await
            .is_ok();
        let next = rest.split_to(if off { rest.len() } else { 1 });
        Some((Ok::<Bytes, Infallible>(next), (rest, switch)))
    });
    Response::from_parts(head, Body::from_stream(bytes))
}
