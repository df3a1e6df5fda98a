//! `POST /api/sessions/sync`: `syncSession`.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::contract::bodies::SyncSession;
use crate::orchestrator::{App, Needs, sync_session};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "syncSession",
    route: Route {
        name: "sessions-sync",
        path: "/api/sessions/sync",
        file: "sessions/sync.rs",
    },
    needs: Needs::DatabaseAndQStash,
    switched: true,
    handlers: &[(Method::POST, |app, request| Box::pin(sync(app, request)))],
};

async fn sync(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let body = async { request.json::<SyncSession>() };
    let body = request
        .within_limit(app, user, LimitClass::Sync, body)
        .await?;
    let answer = sync_session(app, user, body).await?;
    Answer::json(StatusCode::ACCEPTED, &answer)
}
