//! The same embedder behind the doors of other providers: another address, another header, other fields, and
//! nothing of what they would refuse.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use embedder_http::ApiError;
use serde_json::{Map, Value};

const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Whose API is played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's.
    #[default]
    OpenAi,
    /// Azure's: `/openai/deployments/<model>/embeddings?api-version=…`, and the key as `api-key`.
    Azure,
    /// Voyage's: `input_type`, `output_dimension`, no `encoding_format` but `base64`.
    Voyage,
}

/// Lets in what the provider would, as OpenAI's.
pub(super) async fn translate(
    State(dialect): State<Dialect>,
    request: Request,
    next: Next,
) -> Response {
    let translated = match dialect {
        Dialect::OpenAi => Ok(request),
        Dialect::Azure => from_azure(request),
        Dialect::Voyage => from_voyage(request).await,
    };
    match translated {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn from_azure(mut request: Request) -> Result<Request, ApiError> {
    let path = request.uri().path();
    let deployed = path.starts_with("/openai/deployments/") && path.ends_with("/embeddings");
    let query = request.uri().query().unwrap_or_default();
    if request.method() != Method::POST || !deployed || !query.starts_with("api-version=20") {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "Resource not found"));
    }
    let headers = request.headers_mut();
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "A token of another kind.",
        ));
    }
    let bearer = headers
        .remove("api-key")
        .and_then(|key| HeaderValue::from_str(&format!("Bearer {}", key.to_str().ok()?)).ok());
    if let Some(bearer) = bearer {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    *request.uri_mut() = Uri::from_static("/v1/embeddings");
    Ok(request)
}

async fn from_voyage(request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let unread = |_| ApiError::new(StatusCode::BAD_REQUEST, "The body cannot be read.");
    let bytes: Bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(unread)?;
    let mut fields: Map<String, Value> = serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "The body is no object."))?;
    let known = [
        "input",
        "model",
        "input_type",
        "truncation",
        "output_dimension",
    ];
    if fields.keys().any(|field| !known.contains(&field.as_str())) {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "There is no such argument.",
        ));
    }
    let role = fields.remove("input_type").unwrap_or_default();
    match role {
        Value::Null => {}
        // It has no effect there, and is on record.
        Value::String(role) if role == "query" || role == "document" => {
            fields.insert("user".to_owned(), Value::String(role));
        }
        _ => {
            let what = "There is no such input_type.";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, what));
        }
    }
    fields.remove("truncation");
    if let Some(dimensions) = fields.remove("output_dimension") {
        fields.insert("dimensions".to_owned(), dimensions);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(
        parts,
        Body::from(Value::Object(fields).to_string()),
    ))
}
