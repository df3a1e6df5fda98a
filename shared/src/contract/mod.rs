//! The HTTP contract's own types: what a request and an answer look like on the wire, where the
//! OpenAPI document comes from, and the limits.

pub mod answers;
pub mod bodies;
pub mod openapi;
pub mod scalars;
pub mod shape;

/// The longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
