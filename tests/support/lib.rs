//! What the suites share: real deployments of both hosts, a client that checks every answer against
//! the OpenAPI document, and a table of HTTP cases that both hosts must answer alike.
//!
//! ```text
//! deployment -> the functions of one host over a database of their own
//! client     -> requests as a user, the service or nobody;  reply -> what came back
//! schema     -> whether an answer is what the document promises
//! cases      -> the same requests to both hosts, expected and compared
//! delivery   -> a job as QStash delivers it, or as somebody else would
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "only tests use this crate, and what is not there fails them"
)]

pub mod cases;
mod client;
mod delivery;
mod deployment;
mod reply;
mod schema;
mod turns;

pub use cases::Case;
pub use client::Client;
pub use delivery::Signed;
pub use deployment::{Deployment, on_both_hosts, on_own_deployments, run, sign};
pub use reply::Reply;
pub use turns::{marked, turn, until};
