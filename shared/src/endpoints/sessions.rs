//! `GET /api/sessions`: the user's sessions, page by page.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::orchestrator::{App, Needs, list_sessions};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "listSessions",
    route: Route {
        name: "sessions-list",
        path: "/api/sessions",
        file: "sessions.rs",
    },
    needs: Needs::Database,
    switched: true,
    handlers: &[(Method::GET, |app, request| Box::pin(list(app, request)))],
};

async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let page = async { request.page() };
    let (cursor, limit) = request
        .within_limit(app, user, LimitClass::Sessions, page)
        .await?;
    Answer::json(
        StatusCode::OK,
        &list_sessions(app, user, cursor.as_deref(), limit).await?,
    )
}
