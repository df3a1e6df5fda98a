//! OpenAI's embeddings API over any [`EmbeddingModel`]: `POST /v1/embeddings`, `GET /v1/models`.
//!
//! The shapes of requests, answers and errors follow OpenAI's API reference
//! (<https://platform.openai.com/docs/api-reference/embeddings>), so that its official clients and
//! our own adapter cannot tell the difference. Development only; kept to a few light
//! dependencies, because a model runtime with a build of its own links it too.

mod answer;
mod error;
mod model;
mod question;
mod server;
#[cfg(test)]
mod tests;

pub use error::ApiError;
pub use model::{Embedding, EmbeddingModel, ModelError};
pub use server::{Settings, router, serve};
