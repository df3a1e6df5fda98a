//! `GET /api/memory/export`: all that we hold of the user, as lines of JSON, page by page.

use http::Method;

use super::{Answer, Endpoint, Request, Route};
use crate::config::LimitClass;
use crate::orchestrator::{App, Needs, export_memory};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "exportMemory",
    route: Route {
        name: "memory-export",
        path: "/api/memory/export",
        file: "memory/export.rs",
    },
    needs: Needs::Database,
    switched: false,
    handlers: &[(Method::GET, |app, request| Box::pin(export(app, request)))],
};

async fn export(app: &App, request: &Request) -> Result<Answer, Problem> {
    let user = request.user(app).await?;
    let page = async { request.page() };
    let (cursor, _) = request
        .within_limit(app, user, LimitClass::Export, page)
        .await?;
    let page = export_memory(app, user, cursor.as_deref()).await?;
    Ok(Answer::lines(page))
}
