//! The development embedders, behind OpenAI's `/v1/embeddings` (the crate `embedder-http`).
//!
//! - [`Embedder`] serves [`lexical`]: instant, deterministic, and honest about comparing words, not
//!   meaning. Tests use it, and its [`Faults`] make it fail as a provider does.
//! - [`minilm`] runs all-MiniLM-L6-v2 as a process of its own: real similarity, for trying things
//!   out; several minutes to build the first time.

mod dialect;
mod faults;
pub mod lexical;
pub mod minilm;
#[cfg(test)]
mod provider_tests;
mod server;
#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use faults::{Faults, Requests};
pub use server::{Embedder, Settings};
