//! The local stack: every part a function talks to, as the real thing where it can run here.
//!
//! Development only; nothing of it is linked into a function.

pub mod certificates;
pub mod delay_proxy;
pub mod edge;
pub mod embedder;
pub mod fault_run;
pub mod functions;
pub mod isolation_run;
pub mod issuer;
mod kept;
pub mod mem0;
pub mod ports;
pub mod postgres;
mod pypi;
pub mod qstash;
mod received;
pub mod redis;
pub mod router;
pub mod schemathesis;
pub mod stack;
mod trickle;

use std::path::Path;

/// The root of the workspace that this crate was compiled in.
#[must_use]
pub fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Says on stderr why a test did not run what it is for. Past the test harness, which shows what a
/// passing test prints to nobody.
pub fn skipped(reason: &str) {
    use std::io::Write as _;
    // Nobody is left to be told if stderr is gone.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}
