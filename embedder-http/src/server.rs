//! The routes, the key check and the listener.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use tokio::net::TcpListener;

use crate::answer::{Embeddings, Model, Models};
use crate::error::ApiError;
use crate::model::EmbeddingModel;
use crate::question::{Question, unknown_model};

/// Room for 2048 texts of 16 KiB.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// How a server treats its callers.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// When set, a request must carry it as `authorization: Bearer <key>`.
    pub api_key: Option<String>,
}

struct Server {
    model: Box<dyn EmbeddingModel>,
    settings: Settings,
}

/// The routes over `model`, for a caller that adds layers of its own.
pub fn router(model: impl EmbeddingModel, settings: Settings) -> Router {
    let server = Arc::new(Server {
        model: Box::new(model),
        settings,
    });
    Router::new()
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/models", get(models))
        .route("/v1/models/{model}", get(one_model))
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_url)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(&server), check_key))
        .with_state(server)
}

/// Serves the [`router`] on `listener`; returns only when the listener fails.
pub async fn serve(listener: TcpListener, routes: Router) -> std::io::Result<()> {
    // Without it a small answer may wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await
}

async fn embeddings(
    State(server): State<Arc<Server>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body =
        body.map_err(|rejection| ApiError::new(rejection.status(), rejection.body_text()))?;
    let question = Question::parse(&body, server.model.as_ref())?;
    // A model computes for as long as it likes; the threads that serve sockets must not.
    tokio::task::spawn_blocking(move || answer(&server, &question))
        .await
        .unwrap_or_else(|join| Err(failed(&join)))
}

fn answer(server: &Server, question: &Question) -> Result<Response, ApiError> {
    let model = server.model.as_ref();
    let embeddings = model
        .embed(&question.texts)
        .map_err(|error| failed(error.as_ref()))?;
    Ok(Json(Embeddings::new(
        model.name(),
        &embeddings,
        question.encoding,
    ))
    .into_response())
}

fn failed(error: &dyn std::error::Error) -> ApiError {
    eprintln!("embedder: {error}");
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The server had an error while processing your request.",
    )
}

async fn models(State(server): State<Arc<Server>>) -> Response {
    Json(Models::new(server.model.name())).into_response()
}

async fn one_model(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    if name == server.model.name() {
        Ok(Json(Model::new(&name)).into_response())
    } else {
        Err(unknown_model(&name))
    }
}

async fn unknown_url(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        format!("Invalid URL ({method} {})", uri.path()),
    )
    .code("unknown_url")
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Not allowed to {method} on {}", uri.path()),
    )
    .code("method_not_supported")
}

async fn check_key(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    if let Some(expected) = &server.settings.api_key {
        let given = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match given {
            Some(key) if key == expected => {}
            // The key itself is not repeated: an answer may end up in a log.
            Some(_) => {
                let error = ApiError::new(StatusCode::UNAUTHORIZED, "Incorrect API key provided.");
                return Err(error.code("invalid_api_key"));
            }
            None => {
                return Err(ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "You didn't provide an API key.",
                ));
            }
        }
    }
    Ok(next.run(request).await)
}
