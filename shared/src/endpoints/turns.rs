//! `POST /api/turns`: `onTurnCommitted`.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::contract::bodies::RecordTurns;
use crate::orchestrator::{App, Needs, record_turns};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "onTurnCommitted",
    route: Route {
        name: "turns",
        path: "/api/turns",
        file: "turns.rs",
    },
    needs: Needs::DatabaseAndQStash,
    switched: true,
    handlers: &[(Method::POST, |app, request| Box::pin(record(app, request)))],
};

async fn record(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let body = async { request.json::<RecordTurns>() };
    let body = request
        .within_limit(app, user, LimitClass::Turns, body)
        .await?;
    let answer = record_turns(app, user, body).await?;
    let news = answer.turns.iter().any(|turn| turn.created);
    Answer::json(
        if news {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        },
        &answer,
    )
}
