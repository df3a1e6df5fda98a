//! AWS Lambda behind an HTTP API or a function URL: one request at a time.

use std::sync::OnceLock;

use bytes::Bytes;
use http::Response;
use lambda_http::{RequestExt as _, service_fn};

use super::Error;
use super::serve::{Service, block_on, start};
use crate::contract::MAX_BODY_BYTES;
use crate::endpoints::{Body, Endpoint, Request};

/// Serves one endpoint until the host ends the process.
pub fn serve(endpoint: &'static Endpoint) -> Result<(), Error> {
    block_on(async {
        let service = start(endpoint);
        lambda_http::run(service_fn(move |request| answer(service.clone(), request))).await
    })
}

async fn answer(
    service: Service,
    request: lambda_http::Request,
) -> Result<Response<lambda_http::Body>, Error> {
    let path = request.raw_http_path().to_owned();
    let (head, body) = request.into_parts();
    let bytes = match body {
        lambda_http::Body::Text(text) => Bytes::from(text),
        lambda_http::Body::Binary(bytes) => Bytes::from(bytes),
        _ => Bytes::new(),
    };
    let request = Request {
        method: head.method,
        path,
        query: head.uri.query().unwrap_or("").to_owned(),
        headers: head.headers,
        body: if bytes.len() > MAX_BODY_BYTES {
            Body::TooLarge
        } else {
            Body::Whole(bytes)
        },
        standing: OnceLock::new(),
    };
    // Ours are all JSON, so a text body spares the event its base64.
    Ok(service.answer(request).await.map(|body| {
        String::from_utf8(body.into()).map_or_else(
            |error| lambda_http::Body::Binary(error.into_bytes()),
            lambda_http::Body::Text,
        )
    }))
}
