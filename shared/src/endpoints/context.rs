//! `POST /api/context`: `fetchContext`.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::contract::bodies::FetchContext;
use crate::orchestrator::{App, Needs, fetch_context};
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
    let user = request.user(app).await?;
    let fetching = async {
        let body = request.json::<FetchContext>()?;
        fetch_context(app, user, body, request.bytes()?).await
    };
    let answer = request
        .within_limit(app, user, LimitClass::Context, fetching)
        .await?;
    Ok(Answer::written(StatusCode::OK, answer))
}
