//! Vectors for those who bring their own, from the embedder that all the others ask.

use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use devstack::embedder::minilm;

use crate::Error;

/// A client of the OpenAI-shaped endpoint.
#[derive(Debug, Clone)]
pub(super) struct Embedder {
    client: reqwest::Client,
    url: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    embedding: Vec<f32>,
}

impl Embedder {
    /// `url` ends with `/v1/embeddings`.
    pub(super) fn new(url: &str) -> Self {
        Self {
            client: reqwest::Client::new(),
            url: url.to_owned(),
        }
    }

    pub(super) async fn embed(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.embed_all(&[text])
            .await?
            .pop()
            .ok_or_else(|| "the embedder answered nothing".into())
    }

    /// At most as many as one call takes.
    pub(super) async fn embed_all(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let body = json!({ "model": minilm::NAME, "input": texts }).to_string();
        let request = self
            .client
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await?.error_for_status()?;
        let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(answer.data.into_iter().map(|one| one.embedding).collect())
    }
}
