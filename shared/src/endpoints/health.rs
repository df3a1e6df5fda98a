//! `GET /api/health`: liveness for anybody, readiness for the team's own server.

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::auth::Caller;
use crate::contract::answers::{HealthAnswer, Status};
use crate::orchestrator::{App, Needs, readiness};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "health",
    route: Route {
        name: "health",
        path: "/api/health",
        file: "health.rs",
    },
    needs: Needs::Nothing,
    switched: false,
    handlers: &[(Method::GET, |app, request| Box::pin(health(app, request)))],
};

async fn health(app: &App, request: &Request) -> Result<Answer, Problem> {
    let asks_for_more = request.headers.contains_key(AUTHORIZATION);
    if asks_for_more && matches!(request.caller(app).await?, Caller::Service(_)) {
        let answer = readiness(app).await;
        // What is down but for the database only makes jobs wait.
        let ready = answer.status != Status::Error;
        let status = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        return Answer::json(status, &answer);
    }
    let answer = HealthAnswer {
        status: Status::Ok,
        version: env!("CARGO_PKG_VERSION"),
        adapters: None,
        open_circuits: None,
    };
    Answer::json(StatusCode::OK, &answer)
}
