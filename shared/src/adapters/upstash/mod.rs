//! Upstash: transport and cache, never storage.

pub mod qstash;
pub mod redis;
