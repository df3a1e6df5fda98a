//! `DELETE /api/memory`: all that there is of the user is erased. `GET`: the records of erasures.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::orchestrator::{App, Needs, erase_memory, list_erasures};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "memory",
    route: Route {
        name: "memory",
        path: "/api/memory",
        file: "memory.rs",
    },
    needs: Needs::DatabaseAndQStash,
    // Who wants to be forgotten is, whatever the flag says.
    switched: false,
    handlers: &[
        (Method::DELETE, |app, request| Box::pin(erase(app, request))),
        (Method::GET, |app, request| Box::pin(list(app, request))),
    ],
};

async fn erase(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    Answer::json(StatusCode::ACCEPTED, &erase_memory(app, user).await?)
}

async fn list(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    Answer::json(StatusCode::OK, &list_erasures(app, user).await?)
}
