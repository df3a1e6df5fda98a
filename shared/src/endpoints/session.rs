//! `GET /api/sessions/{id}`: a session and its turns in order (replay). `DELETE`: it is erased.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::orchestrator::{App, Needs, erase_session, read_session};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "readSession",
    route: Route {
        name: "session",
        path: "/api/sessions/{id}",
        file: "sessions/[id].rs",
    },
    needs: Needs::Database,
    switched: true,
    handlers: &[
        (Method::GET, |app, request| Box::pin(read(app, request))),
        (Method::DELETE, |app, request| Box::pin(erase(app, request))),
    ],
};

async fn read(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let page = async { request.page() };
    let (cursor, limit) = request
        .within_limit(app, user, LimitClass::Sessions, page)
        .await?;
    let id = request.last_segment()?;
    Answer::json(
        StatusCode::OK,
        &read_session(app, user, &id, cursor.as_deref(), limit).await?,
    )
}

async fn erase(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let id = request.last_segment()?;
    Answer::json(StatusCode::ACCEPTED, &erase_session(app, user, &id).await?)
}
