//! A function's answer, in payload format 2.0, as the HTTP response that API Gateway makes of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a function returns. `multiValueHeaders` is no part of format 2.0: the gateway ignores it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    #[serde(default)]
    cookies: Vec<String>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

/// The response for what the emulator answered to an invocation.
///
/// The emulator has no `X-Amz-Function-Error`: a function's error is an object with `errorType`, and a
/// timeout is plain text.
pub(super) fn response(answered: StatusCode, payload: &Bytes) -> Response<Bytes> {
    let Ok(value) = serde_json::from_slice::<Value>(payload) else {
        return internal_error();
    };
    if !answered.is_success() || value.get("errorType").is_some() {
        return internal_error();
    }
    if value.get("statusCode").is_none() {
        // The gateway takes what has no status for the body of a success.
        return json(StatusCode::OK, payload.clone());
    }
    serde_json::from_value(value)
        .ok()
        .and_then(render)
        .unwrap_or_else(internal_error)
}

/// What API Gateway answers when the function fails.
pub(super) fn internal_error() -> Response<Bytes> {
    let body = Bytes::from_static(br#"{"message":"Internal Server Error"}"#);
    json(StatusCode::INTERNAL_SERVER_ERROR, body)
}

/// What API Gateway answers when the function takes longer than an integration may.
pub(super) fn too_slow() -> Response<Bytes> {
    let body = Bytes::from_static(br#"{"message":"Service Unavailable"}"#);
    json(StatusCode::SERVICE_UNAVAILABLE, body)
}

fn json(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// `None` when a part of the answer is not HTTP.
fn render(answer: Answer) -> Option<Response<Bytes>> {
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded {
        Bytes::from(STANDARD.decode(body).ok()?)
    } else {
        Bytes::from(body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status_code).ok()?;
    for (name, value) in &answer.headers {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // Ours to say: the length is that of the decoded body.
        if name != header::CONTENT_LENGTH {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_str(&text).ok()?);
        }
    }
    for cookie in &answer.cookies {
        let cookie = HeaderValue::from_str(cookie).ok()?;
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if !response.headers().contains_key(header::CONTENT_TYPE) && !response.body().is_empty() {
        let kind = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Some(response)
}
