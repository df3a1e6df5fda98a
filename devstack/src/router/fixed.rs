//! What needs no function: the files of `public/`, and the answer for all that does not exist.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};
use std::{fs, path::Path};

/// The files that a host serves beside the functions, by path.
const FILES: [(&str, &str, &str); 3] = [
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/openapi.json", "openapi.json", "application/json"),
    ("/robots.txt", "robots.txt", "text/plain; charset=utf-8"),
];

/// The file at a path, or 404.
pub(super) fn file(public: &Path, path: &str) -> Response<Body> {
    let found = FILES.iter().find(|(at, ..)| *at == path);
    let read = found.and_then(|(_, name, kind)| Some((fs::read(public.join(name)).ok()?, *kind)));
    match read {
        Some((bytes, kind)) => answer(StatusCode::OK, kind, Body::from(bytes)),
        None => problem(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// A problem document of the edge's own; functions write better ones.
pub(super) fn problem(status: StatusCode, title: &str) -> Response<Body> {
    let document = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
    });
    answer(
        status,
        "application/problem+json",
        Body::from(document.to_string()),
    )
}

fn answer(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
