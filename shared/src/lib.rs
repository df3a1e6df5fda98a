//! The memory orchestrator's core. A chat app emits intents over HTTP; each is one function, served
//! by one of two hosts.
//!
//! Calls go one way: [`host`] → [`endpoints`] → [`orchestrator`] → [`adapters`] → [`domain`].
//! [`contract`] holds the wire types, [`auth`] says who calls, [`config`] what the deployment is,
//! [`problem`] what can go wrong, [`telemetry`] what is seen of it all.

pub mod adapters;
pub mod auth;
pub mod config;
pub mod contract;
pub mod domain;
pub mod endpoints;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
pub mod host;
pub mod orchestrator;
pub mod problem;
pub mod redact;
pub mod telemetry;
