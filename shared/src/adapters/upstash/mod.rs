//! Upstash: transport, cache and counters, never storage.

pub mod qstash;
pub mod ratelimit;
pub mod redis;
