//! A request to a function on Vercel: passed on as it is, with the headers that Vercel's edge adds.

use super::route::Matched;
use crate::functions::Functions;
use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode, Uri, header, request::Parts, uri::PathAndQuery,
};
use http_body_util::Full;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::timeout;
use uuid::Uuid;

/// A plain HTTP client that adds nothing to a request.
pub(super) type Client = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

/// Sends the request to the function and streams its answer.
pub(super) async fn proxy(
    functions: &Functions,
    client: &Client,
    matched: &Matched,
    parts: Parts,
    body: Bytes,
) -> Response<Body> {
    let lease = match functions.lease(matched.route.name).await {
        Ok(lease) => lease,
        Err(error) => {
            eprintln!("{error}");
            return failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "FUNCTION_INVOCATION_FAILED",
            );
        }
    };
    let Some(request) = request(matched, parts, body, lease.port) else {
        return failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_FUNCTION_INVOCATION_FAILED",
        );
    };
    match timeout(functions.timeout(), client.request(request)).await {
        Ok(Ok(mut answer)) => {
            // Between the function and us; our own server decides about its connection.
            for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
                answer.headers_mut().remove(name);
            }
            answer.map(Body::new)
        }
        Ok(Err(_)) => failure(
            StatusCode::INTERNAL_SERVER_ERROR,
            "FUNCTION_INVOCATION_FAILED",
        ),
        Err(_elapsed) => failure(StatusCode::GATEWAY_TIMEOUT, "FUNCTION_INVOCATION_TIMEOUT"),
    }
}

/// The request as Vercel's function bridge makes it.
pub(super) fn request(
    matched: &Matched,
    parts: Parts,
    body: Bytes,
    port: u16,
) -> Option<Request<Full<Bytes>>> {
    let mut headers = parts.headers;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    if !body.is_empty() {
        headers.insert(header::CONTENT_LENGTH, body.len().into());
    }
    let host = headers.get(header::HOST).cloned();
    let host = host.unwrap_or_else(|| HeaderValue::from_static("localhost"));
    let loopback = HeaderValue::from_static("127.0.0.1");
    headers.insert("x-forwarded-host", host);
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    headers.insert("x-forwarded-for", loopback.clone());
    headers.insert("x-vercel-forwarded-for", loopback.clone());
    headers.insert("x-real-ip", loopback);
    let id = format!("dev1::{}", Uuid::new_v4().simple());
    headers.insert("x-vercel-id", HeaderValue::from_str(&id).ok()?);

    let uri = Uri::builder()
        .scheme("http")
        .authority(format!("127.0.0.1:{port}"))
        .path_and_query(target(matched, &parts.uri)?)
        .build()
        .ok()?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Some(request)
}

/// The path as it was asked for; a parameter of the file's name joins the query: `[id].rs` gets `id=`.
/// A caller's own `id=` takes its place, as `vercel dev` has it, so a function had better read the path.
fn target(matched: &Matched, uri: &Uri) -> Option<PathAndQuery> {
    let given = uri.query().unwrap_or_default();
    let mut query: Vec<String> = given.split('&').map(str::to_owned).collect();
    query.retain(|pair| !pair.is_empty());
    for (name, value) in &matched.parameters {
        let taken = |pair: &String| pair.split('=').next() == Some(name);
        if !query.iter().any(taken) {
            query.push(format!("{name}={value}"));
        }
    }
    let path = uri.path();
    let text = match query.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", query.join("&")),
    };
    text.parse().ok()
}

/// What Vercel answers in a function's stead.
fn failure(status: StatusCode, code: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!(
        "A server error has occurred\n\n{code}\n"
    )));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Ok(code) = HeaderValue::from_str(code) {
        response.headers_mut().insert("x-vercel-error", code);
    }
    response
}
