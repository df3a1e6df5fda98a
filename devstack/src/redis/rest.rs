//! The routes of Upstash's REST API.
//!
//! `POST /` takes one command as an array, `/pipeline` and `/multi-exec` arrays of them; any other path is a command of
//! its own, by GET, POST or PUT. 200 with `{"result": …}`, or 400 and 401 with `{"error": "…"}`.

use std::sync::{Arc, PoisonError};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    Core,
    answer::{self, Encoding},
    command::{self, Words},
    faults::Fault,
    resp::Reply,
};
use crate::trickle::trickled;

/// Upstash's own limit on its larger plans, in bytes.
const LARGEST_REQUEST: usize = 10 << 20;

/// All paths: any of them may be a command.
pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .fallback(serve)
        .layer(DefaultBodyLimit::max(LARGEST_REQUEST))
        .with_state(core)
}

/// What is not an answer to a command.
struct Refusal(StatusCode, String);

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self(StatusCode::BAD_REQUEST, text)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(answer::error(self.1))).into_response()
    }
}

async fn serve(
    State(core): State<Arc<Core>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    core.received.note(&method, &uri, &headers, &body);
    let fault = core.faults.next().await;
    match &fault {
        Fault::None | Fault::Hang | Fault::Trickle => {}
        // The connection breaks before this is written.
        Fault::Cut => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Fault::Fail(status) => {
            let text = "ERR a failure that a test asked for";
            return Refusal(*status, text.to_owned()).into_response();
        }
        Fault::Garble(body) => return body.clone().into_response(),
    }
    let query = uri.query().unwrap_or_default();
    if !admitted(&core.token, &headers, query) {
        return Refusal(StatusCode::UNAUTHORIZED, "Unauthorized".to_owned()).into_response();
    }
    let encoding = Encoding::wanted(&headers);
    let answered = match (&method, uri.path()) {
        (&Method::POST, "/") => core.one_of_json(&body, encoding).await,
        (&Method::POST, "/pipeline") => core.pipeline(&body, encoding).await,
        (&Method::POST, "/multi-exec") => core.transaction(&body, encoding).await,
        (&Method::GET | &Method::POST | &Method::PUT, path) => {
            match command::from_path(path, query, &body) {
                Ok(words) => core.one(words, encoding).await,
                Err(text) => Err(text.into()),
            }
        }
        _ => Err(Refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "ERR method not allowed".to_owned(),
        )),
    };
    let response = answered.map_or_else(Refusal::into_response, |answer| {
        Json(answer).into_response()
    });
    if fault == Fault::Trickle {
        trickled(response, core.faults.subscribe(), |now| {
            *now == Fault::Trickle
        })
        .await
    } else {
        response
    }
}

/// Whether the token is ours, in the header or in the parameter `_token`.
fn admitted(token: &str, headers: &HeaderMap, query: &str) -> bool {
    let header = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    header.is_some_and(|given| given == token)
        || command::parameters(query)
            .filter(|(name, _)| *name == command::TOKEN)
            .any(|(_, given)| percent_decode_str(given).eq(token.bytes()))
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body)
        .map_err(|_| Refusal::from("ERR failed to parse the body as JSON".to_owned()))
}

impl Core {
    async fn one_of_json(&self, body: &[u8], encoding: Encoding) -> Result<Value, Refusal> {
        self.one(command::from_json(&read(body)?)?, encoding).await
    }

    async fn one(&self, words: Words, encoding: Encoding) -> Result<Value, Refusal> {
        let reply = self.run(vec![words]).await?.pop().ok_or_else(silent)?;
        let result = answer::result(reply, encoding)?;
        Ok(json!({ "result": result }))
    }

    /// A command that fails does not keep the others from being tried.
    async fn pipeline(&self, body: &[u8], encoding: Encoding) -> Result<Value, Refusal> {
        let replies = self.run(command::many_from_json(&read(body)?)?).await?;
        let entries = replies
            .into_iter()
            .map(|reply| answer::entry(reply, encoding));
        Ok(entries.collect())
    }

    /// As a pipeline, at once; when a command cannot even be queued, nothing is done.
    async fn transaction(&self, body: &[u8], encoding: Encoding) -> Result<Value, Refusal> {
        let word = |text: &str| vec![text.as_bytes().to_vec()];
        let mut commands = vec![word("MULTI")];
        commands.extend(command::many_from_json(&read(body)?)?);
        commands.push(word("EXEC"));
        let mut replies = self.run(commands).await?;
        match replies.pop() {
            Some(Reply::Array(Some(done))) => Ok(done
                .into_iter()
                .map(|reply| answer::entry(reply, encoding))
                .collect()),
            Some(Reply::Error(text)) => {
                // EXEC says that it gave up, the command before it why.
                let why = replies.into_iter().find_map(|reply| match reply {
                    Reply::Error(text) => Some(text),
                    _ => None,
                });
                Err(why.unwrap_or(text).into())
            }
            _ => Err(silent()),
        }
    }

    async fn run(&self, mut commands: Vec<Words>) -> Result<Vec<Reply>, Refusal> {
        {
            let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
            for command in &mut commands {
                scripts.translate(command);
            }
        }
        self.pool.run(&commands).await.map_err(|_| silent())
    }
}

/// redis-server itself is gone.
fn silent() -> Refusal {
    Refusal(
        StatusCode::SERVICE_UNAVAILABLE,
        "ERR redis does not answer".to_owned(),
    )
}
