//! `POST /api/context`: `fetchContext`.

use http::{Method, StatusCode};

use tokio::time::Instant;

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::contract::bodies::FetchContext;
use crate::orchestrator::{App, Needs, context_deadline, fetch_context};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "fetchContext",
    route: Route {
        name: "context",
        path: "/api/context",
        file: "context.rs",
    },
    needs: Needs::Vectors,
    switched: true,
    handlers: &[(Method::POST, |app, request| Box::pin(context(app, request)))],
};

async fn context(app: &App, request: &Request) -> Result<Answer, Problem> {
    let came = Instant::now();
    let user = request.user(app).await?;
    let body = request.json::<FetchContext>();
    let deadline = body.as_ref().ok().map(|body| context_deadline(came, body));
    let fetching = async { fetch_context(app, user, body?, request.bytes()?, came).await };
    let answer = request
        .within_limit_before(deadline, app, user, LimitClass::Context, fetching)
        .await?;
    Ok(Answer::written(StatusCode::OK, answer))
}
