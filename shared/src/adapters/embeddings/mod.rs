//! Any embeddings provider in the shape of OpenAI's `POST /v1/embeddings`.
//!
//! Contract: one vector per text, in the order of the texts; each is returned with length 1, so
//! that the inner product is the cosine. Nothing is kept on the other side that we rely on, so a
//! call may be repeated freely.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::Instrument;

use super::http::{Outbound, refusal, send};
use super::{Adapter, Error, ErrorKind};
use crate::config;
use crate::domain::deadline::Deadline;
use crate::telemetry;

/// A client of the provider.
#[derive(Debug)]
pub struct Embedder {
    outbound: Arc<Outbound>,
    config: config::Embeddings,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [&'a str],
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl Embedder {
    /// Texts per call: providers differ (OpenAI 2048, Voyage 1000, TEI 32 by default).
    pub const BATCH: usize = 32;

    /// A client for the configured provider.
    pub fn new(config: config::Embeddings, outbound: Arc<Outbound>) -> Self {
        Self { outbound, config }
    }

    /// The model's name, as it stands beside each embedding.
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// Embeds texts, none of them empty, in as many calls as the batch size asks for.
    pub async fn embed(&self, texts: &[&str], deadline: Deadline) -> Result<Vec<Vec<f32>>, Error> {
        let span = telemetry::adapter_span(Adapter::Embeddings, "embed");
        let work = async {
            let mut vectors = Vec::with_capacity(texts.len());
            for batch in texts.chunks(Self::BATCH) {
                vectors.extend(self.embed_batch(batch, deadline).await?);
            }
            Ok(vectors)
        };
        telemetry::observed(span.clone(), work.instrument(span)).await
    }

    async fn embed_batch(
        &self,
        texts: &[&str],
        deadline: Deadline,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let body = serde_json::to_vec(&Request {
            model: &self.config.model,
            input: texts,
            encoding_format: "float",
        })
        .map_err(|error| malformed(error.to_string()))?;
        let mut request = self
            .outbound
            .client(Adapter::Embeddings)?
            .post(&self.config.url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(key) = &self.config.key {
            request = request.bearer_auth(key.expose());
        }
        let (status, headers, body) = send(Adapter::Embeddings, request, deadline).await?;
        if !status.is_success() {
            return Err(refusal(Adapter::Embeddings, status, &headers));
        }
        // The parser's message could quote the body, so only the fault's kind is kept.
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| malformed("not the embeddings shape"))?;
        self.in_order(answer.data, texts.len())
    }

    /// Checks what a 2xx says by its body: one vector for each text, each of the right length.
    fn in_order(&self, items: Vec<Item>, texts: usize) -> Result<Vec<Vec<f32>>, Error> {
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
        for item in items {
            if item.embedding.len() != self.config.dimensions {
                return Err(malformed(format!(
                    "{} dimensions instead of {}",
                    item.embedding.len(),
                    self.config.dimensions
                )));
            }
            let slot = vectors
                .get_mut(item.index)
                .ok_or_else(|| malformed("an unknown index"))?;
            *slot = Some(normalised(item.embedding)?);
        }
        vectors
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| malformed("a text has no vector"))
    }
}

/// Scaled to length 1.
fn normalised(mut vector: Vec<f32>) -> Result<Vec<f32>, Error> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length == 0.0 {
        return Err(malformed("a vector without a direction"));
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Ok(vector)
}

fn malformed(detail: impl Into<String>) -> Error {
    Error::new(Adapter::Embeddings, ErrorKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedder() -> Embedder {
        let config = config::Embeddings {
            url: "http://127.0.0.1:9".to_owned(),
            key: None,
            model: "m".to_owned(),
            dimensions: 2,
        };
        Embedder::new(config, Arc::new(Outbound::new(None)))
    }

    fn item(index: usize, embedding: &[f32]) -> Item {
        Item {
            index,
            embedding: embedding.to_vec(),
        }
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_and_with_length_one() {
        let vectors = embedder().in_order(vec![item(1, &[0.0, 2.0]), item(0, &[3.0, 4.0])], 2);
        assert_eq!(vectors.unwrap(), [[0.6, 0.8], [0.0, 1.0]]);
    }

    #[test]
    fn a_2xx_is_not_believed_when_its_body_says_otherwise() {
        for items in [
            vec![],
            vec![item(0, &[1.0, 0.0]), item(0, &[1.0, 0.0])],
            vec![item(0, &[1.0]), item(1, &[1.0])],
            vec![item(0, &[1.0, 0.0]), item(2, &[1.0, 0.0])],
            vec![item(0, &[1.0, 0.0]), item(1, &[0.0, 0.0])],
            vec![item(0, &[1.0, 0.0]), item(1, &[f32::NAN, 0.0])],
        ] {
            assert_eq!(
                embedder().in_order(items, 2).unwrap_err().kind,
                ErrorKind::Malformed
            );
        }
    }
}
