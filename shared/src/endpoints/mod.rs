//! The endpoints: one file each, which parses, calls its intent and renders.

pub mod backfill;
pub mod context;
pub mod health;
pub mod jobs;
pub mod memory;
pub mod memory_export;
mod request;
pub mod session;
pub mod sessions;
pub mod sync;
pub mod turns;

pub use self::request::{Answer, Body, Request};

use std::future::Future;
use std::pin::Pin;

use http::Method;

use crate::orchestrator::{App, Needs};
use crate::problem::Problem;

/// What a handler comes to.
pub type Handled<'a> = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send + 'a>>;

/// A handler of one method.
pub type Handler = for<'a> fn(&'a App, &'a Request) -> Handled<'a>;

/// One endpoint: where it stands, and what answers. A function serves exactly one, and links no
/// other.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// The intent's name in spans.
    pub intent: &'static str,
    /// Name, path and file.
    pub route: Route,
    /// What is opened ahead of the first request.
    pub needs: Needs,
    /// Whether `memory.orchestrator.enabled` switches it.
    pub switched: bool,
    /// One per method.
    pub handlers: &'static [(Method, Handler)],
}

/// Where an endpoint stands, in the URL and in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The binaries are `vercel-<name>` and `lambda-<name>`.
    pub name: &'static str,
    /// With `{parameter}` where a segment is free.
    pub path: &'static str,
    /// Below `api/` and below `functions/`.
    pub file: &'static str,
}

/// Every endpoint. For the tools and tests that look at all of them; no function uses it.
pub const ALL: &[&Endpoint] = &[
    &turns::ENDPOINT,
    &context::ENDPOINT,
    &sessions::ENDPOINT,
    &session::ENDPOINT,
    &sync::ENDPOINT,
    &backfill::ENDPOINT,
    &memory::ENDPOINT,
    &memory_export::ENDPOINT,
    &jobs::ENDPOINT,
    &health::ENDPOINT,
];
