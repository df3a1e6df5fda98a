//! Black-box tests: real Postgres, the real function binaries as processes, HTTP through a router,
//! on both hosts. The files below `api/` stand where the URLs do.

#![expect(
    clippy::unwrap_used,
    reason = "what is not there fails the test, in its helpers too"
)]

mod api;
mod backfill;
mod cache;
mod connection;
mod deadlines;
mod erasure;
mod export;
mod faults;
mod hardening;
mod idempotency;
mod isolation;
mod large_users;
mod layout;
mod leaks;
mod locomo;
mod logs;
mod main_job;
mod mem0;
mod openapi;
mod operators;
mod outages;
mod poison;
mod rate_limits;
mod recall;
mod recording;
mod redaction;
mod schedule;
mod sweep;
mod tokens;
mod when;
