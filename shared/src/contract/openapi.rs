//! The OpenAPI 3.1 document, from the types themselves. Development only: no function links it.

use serde_json::{Value, json};

use super::answers::{
    ErasureAnswer, ErasureList, FetchContextAnswer, HealthAnswer, JobAnswer, RecordTurnsAnswer,
    SessionAnswer, SessionPage, SyncAnswer,
};
use super::bodies::{BackfillSession, FetchContext, RecordTurns, SyncSession};
use super::scalars::ClientId;
use super::shape::{Schemas, Shape};

/// Who may call an operation.
enum Access {
    User,
    Signed,
    Anybody,
}

struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    id: &'a str,
    summary: &'a str,
    access: Access,
    parameters: Value,
    body: Option<Value>,
    answers: &'a [(&'a str, &'a str)],
    answer: Value,
    problems: &'a [&'a str],
}

/// What an answer to a request that was counted says.
const RATE_LIMIT: [(&str, &str); 3] = [
    (
        "ratelimit-limit",
        "How many such requests the user may make.",
    ),
    ("ratelimit-remaining", "How many are left."),
    ("ratelimit-reset", "Seconds until there are more."),
];

/// The whole document.
pub fn document() -> Value {
    let mut schemas = Schemas::default();
    let mut paths = json!({});
    for operation in operations(&mut schemas) {
        paths[operation.path][operation.method] = render(&operation);
    }
    schemas.named("Problem", |_| problem());
    let mut headers = json!({});
    for (name, description) in RATE_LIMIT {
        headers[name] = json!({ "description": description, "schema": { "type": "integer" } });
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Memory Orchestrator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A memory layer for chat apps over the team's own Supabase Postgres.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas.0,
            "headers": headers,
            "securitySchemes": {
                "supabase": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A user's Supabase access token; or the service-role token, \
                        with the user's id in `x-memory-user`.",
                },
                "qstash": { "type": "apiKey", "in": "header", "name": "Upstash-Signature" },
            },
        },
    })
}

fn operations(schemas: &mut Schemas) -> Vec<Operation<'static>> {
    let page = json!([
        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 } },
        { "name": "cursor", "in": "query", "schema": { "type": "string" },
          "description": "`nextCursor` of the page before." },
    ]);
    let mut replay = json!([
        { "name": "id", "in": "path", "required": true, "schema": ClientId::schema(schemas) },
    ]);
    if let (Some(all), Some(more)) = (replay.as_array_mut(), page.as_array()) {
        all.extend(more.iter().cloned());
    }
    vec![
        Operation {
            method: "post",
            path: "/api/turns",
            id: "onTurnCommitted",
            summary: "Record turns",
            access: Access::User,
            parameters: json!([]),
            body: Some(RecordTurns::schema(schemas)),
            answers: &[
                ("201", "Something was new"),
                ("200", "All turns were known"),
            ],
            answer: RecordTurnsAnswer::schema(schemas),
            problems: &[
                "400", "401", "405", "409", "410", "413", "415", "422", "429", "503",
            ],
        },
        Operation {
            method: "post",
            path: "/api/sessions/sync",
            id: "syncSession",
            summary: "Enqueue what a session's adapters miss",
            access: Access::User,
            parameters: json!([]),
            body: Some(SyncSession::schema(schemas)),
            answers: &[("202", "What is missing is enqueued")],
            answer: SyncAnswer::schema(schemas),
            problems: &[
                "400", "401", "404", "405", "413", "415", "422", "429", "503",
            ],
        },
        Operation {
            method: "post",
            path: "/api/sessions/backfill",
            id: "backfillSession",
            summary: "Embed and push every turn of a session again",
            access: Access::User,
            parameters: json!([]),
            body: Some(BackfillSession::schema(schemas)),
            answers: &[("202", "Everything is enqueued")],
            answer: SyncAnswer::schema(schemas),
            problems: &[
                "400", "401", "404", "405", "413", "415", "422", "429", "503",
            ],
        },
        Operation {
            method: "post",
            path: "/api/context",
            id: "fetchContext",
            summary: "Recent and relevant turns, packed for a prompt",
            access: Access::User,
            parameters: json!([]),
            body: Some(FetchContext::schema(schemas)),
            answers: &[("200", "What was found in time")],
            answer: FetchContextAnswer::schema(schemas),
            problems: &["400", "401", "405", "413", "415", "422", "429", "503"],
        },
        Operation {
            method: "get",
            path: "/api/sessions",
            id: "listSessions",
            summary: "The user's sessions, the latest first",
            access: Access::User,
            parameters: page,
            body: None,
            answers: &[("200", "A page")],
            answer: SessionPage::schema(schemas),
            problems: &["401", "405", "422", "429", "503"],
        },
        Operation {
            method: "get",
            path: "/api/sessions/{id}",
            id: "readSession",
            summary: "A session and its turns in order",
            access: Access::User,
            parameters: replay,
            body: None,
            answers: &[("200", "A page of its turns")],
            answer: SessionAnswer::schema(schemas),
            problems: &["401", "404", "405", "422", "429", "503"],
        },
        Operation {
            method: "delete",
            path: "/api/sessions/{id}",
            id: "eraseSession",
            summary: "Erase a session, here and wherever it went",
            access: Access::User,
            parameters: json!([
                { "name": "id", "in": "path", "required": true, "schema": ClientId::schema(schemas) },
            ]),
            body: None,
            answers: &[("202", "The rows are gone; the rest follows")],
            answer: ErasureAnswer::schema(schemas),
            problems: &["401", "404", "405", "422", "503"],
        },
        Operation {
            method: "delete",
            path: "/api/memory",
            id: "eraseMemory",
            summary: "Erase all that there is of the user, here and wherever it went",
            access: Access::User,
            parameters: json!([]),
            body: None,
            answers: &[("202", "The rows are gone; the rest follows")],
            answer: ErasureAnswer::schema(schemas),
            problems: &["401", "405", "503"],
        },
        Operation {
            method: "get",
            path: "/api/memory",
            id: "listErasures",
            summary: "The records of the user's erasures",
            access: Access::User,
            parameters: json!([]),
            body: None,
            answers: &[("200", "The latest hundred")],
            answer: ErasureList::schema(schemas),
            problems: &["401", "405", "503"],
        },
        Operation {
            method: "get",
            path: "/api/memory/export",
            id: "exportMemory",
            summary: "All that is held of the user, as lines of JSON, page by page",
            access: Access::User,
            parameters: json!([
                { "name": "cursor", "in": "query", "schema": { "type": "string" },
                  "description": "`cursor` of the last line of the page before." },
            ]),
            body: None,
            answers: &[("200", "A page; its last line says whether there is another")],
            answer: json!({ "type": "string" }),
            problems: &["401", "405", "422", "429", "503"],
        },
        Operation {
            method: "post",
            path: "/api/jobs/{job}",
            id: "job",
            summary: "QStash's deliveries and callbacks; a sweep also with the service-role token",
            access: Access::Signed,
            parameters: json!([{ "name": "job", "in": "path", "required": true,
                "schema": { "type": "string", "enum": ["embed", "mem0", "sweep", "erase", "dead-letter"] } }]),
            body: Some(json!({ "type": "object" })),
            answers: &[("200", "Done, or nothing was left to do")],
            answer: JobAnswer::schema(schemas),
            problems: &["401", "404", "405", "413", "423", "489", "503"],
        },
        Operation {
            method: "get",
            path: "/api/health",
            id: "health",
            summary: "Liveness; with the service-role token also readiness",
            access: Access::Anybody,
            parameters: json!([]),
            body: None,
            answers: &[("200", "It is up")],
            answer: HealthAnswer::schema(schemas),
            problems: &["401", "405", "503"],
        },
    ]
}

fn render(operation: &Operation<'_>) -> Value {
    let headers = json!({
        "x-request-id": { "schema": { "type": "string" } },
        "server-timing": { "schema": { "type": "string" } },
    });
    let mut responses = json!({});
    for (status, description) in operation.answers {
        responses[status] = json!({
            "description": description,
            "headers": headers,
            "content": { "application/json": { "schema": operation.answer } },
        });
    }
    for status in operation.problems {
        responses[status] = json!({
            "description": "A problem document",
            "headers": headers,
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
    }
    if operation.id == "exportMemory" {
        responses["200"]["content"] =
            json!({ "application/x-ndjson": { "schema": operation.answer } });
    }
    if operation.problems.contains(&"429") {
        let counted = operation.answers.iter().map(|(status, _)| *status);
        for status in counted.chain(["429"]) {
            for (name, _) in RATE_LIMIT {
                responses[status]["headers"][name] =
                    json!({ "$ref": format!("#/components/headers/{name}") });
            }
        }
        responses["429"]["headers"]["retry-after"] = json!({ "schema": { "type": "integer" } });
    }
    // Readiness answers 503 in its own shape.
    if operation.id == "health" {
        responses["503"]["content"]["application/json"] = json!({ "schema": operation.answer });
    }
    let mut rendered = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": operation.parameters,
        "security": match operation.access {
            Access::User => json!([{ "supabase": [] }]),
            Access::Signed => json!([{ "qstash": [] }]),
            Access::Anybody => json!([{}, { "supabase": [] }]),
        },
        "responses": responses,
    });
    if let Some(body) = &operation.body {
        rendered["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": body } } });
    }
    rendered
}

/// RFC 9457, and our own members.
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "description": "Stable; the wording is not." },
            "requestId": { "type": "string" },
            "errors": { "type": "array", "items": {
                "type": "object",
                "properties": {
                    "pointer": { "type": "string", "description": "A JSON pointer (RFC 6901)." },
                    "message": { "type": "string" },
                },
                "required": ["pointer", "message"],
            } },
        },
        "required": ["type", "title", "status", "detail", "code", "requestId"],
    })
}
