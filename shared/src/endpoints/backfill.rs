//! `POST /api/sessions/backfill`: `backfillSession`.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::contract::bodies::BackfillSession;
use crate::orchestrator::{App, Needs, backfill_session};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "backfillSession",
    route: Route {
        name: "sessions-backfill",
        path: "/api/sessions/backfill",
        file: "sessions/backfill.rs",
    },
    needs: Needs::DatabaseAndQStash,
    switched: true,
    handlers: &[(Method::POST, |app, request| {
        Box::pin(backfill(app, request))
    })],
};

async fn backfill(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let body = async { request.json::<BackfillSession>() };
    let body = request
        .within_limit(app, user, LimitClass::Backfill, body)
        .await?;
    let answer = backfill_session(app, user, body).await?;
    Answer::json(StatusCode::ACCEPTED, &answer)
}
