//! Any embeddings provider in the shape of OpenAI's `POST /v1/embeddings`; in what they differ stands in one table,
//! `dialect.rs`.
//!
//! Contract: one vector per text, in the order of the texts; each is returned with length 1, so
//! that the inner product is the cosine. Nothing is kept on the other side that we rely on, so a
//! call may be repeated freely.
//!
//! What leaves is [`EmbeddableText`]: redacted, unless the provider was declared to be the team's own. A
//! text that was not looked at does not compile here:
//!
//! ```compile_fail,E0308
//! # use memory_orchestrator::adapters::{Error, embeddings::{Embedder, TextRole}};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::RawText;
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     embedder.embed(&[said], TextRole::Document, soon).await.map(drop)
//! }
//! ```
//!
//! nor does its bare text (`said.expose()`), and one that went through the embedder's own policy does:
//!
//! ```compile_fail,E0308
//! # use memory_orchestrator::adapters::{Error, embeddings::{Embedder, TextRole}};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::RawText;
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     embedder.embed(&[said.expose()], TextRole::Document, soon).await.map(drop)
//! }
//! ```
//!
//! ```
//! # use memory_orchestrator::adapters::{Error, embeddings::{Embedder, TextRole}};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::{Numbers, RawText};
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     let text = embedder.admit(said, &mut Numbers::default());
//!     embedder.embed(&[&text], TextRole::Document, soon).await.map(drop)
//! }
//! ```

mod batches;
mod dialect;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use reqwest::RequestBuilder;
use serde::Deserialize;
use tracing::Instrument;

use self::batches::Load;
pub use self::dialect::TextRole;
use self::dialect::{Dialect, KeyHeader};
pub use self::text::EmbeddableText;
use self::text::Sight;
use super::http::{Outbound, refusal, send};
use super::{Adapter, Error, ErrorKind};
use crate::config;
use crate::domain::deadline::Deadline;
use crate::redact::{Numbers, RawText, Redactor};
use crate::telemetry;

/// A client of the provider.
#[derive(Debug)]
pub struct Embedder {
    outbound: Arc<Outbound>,
    config: config::Embeddings,
    sight: Sight,
    dialect: &'static Dialect,
    load: Load,
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
    /// A client for the configured provider. What it may not see, the redactor replaces.
    pub fn new(
        config: config::Embeddings,
        redactor: Arc<Redactor>,
        outbound: Arc<Outbound>,
    ) -> Self {
        let sight = if config.trusted {
            Sight::Everything
        } else {
            Sight::Redacted(redactor)
        };
        let dialect = Dialect::of(config.provider);
        Self {
            outbound,
            dialect,
            load: Load::new(dialect, config.dimensions),
            config,
            sight,
        }
    }

    /// Whether its provider sees all that is said.
    pub fn is_trusted(&self) -> bool {
        self.config.trusted
    }

    /// What its provider may see of a text; what was numbered before keeps its number.
    pub fn admit(&self, raw: &RawText, numbers: &mut Numbers) -> EmbeddableText {
        self.sight.of(raw, numbers)
    }

    /// The model's name, as it stands beside each embedding.
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// Texts, or what they stand in, in runs of what the provider takes in one call.
    pub fn batches<'a, T>(
        &self,
        texts: &'a [T],
        text: impl Fn(&T) -> &EmbeddableText,
    ) -> Vec<&'a [T]> {
        self.load.split(texts, |item| text(item).as_str())
    }

    /// Embeds texts, none of them empty, for what they are for, in as many calls as the provider's limits ask
    /// for; what is longer than it takes is cut. A text that was let pass for a trusted provider is refused by any
    /// other.
    pub async fn embed(
        &self,
        texts: &[&EmbeddableText],
        role: TextRole,
        deadline: Deadline,
    ) -> Result<Vec<Vec<f32>>, Error> {
        if !self.is_trusted() && texts.iter().any(|text| text.is_raw) {
            let what = "a text that this provider may not see";
            return Err(Error::new(Adapter::Embeddings, ErrorKind::Refused, what));
        }
        let span = telemetry::adapter_span(Adapter::Embeddings, "embed");
        let work = async {
            let mut vectors = Vec::with_capacity(texts.len());
            for batch in self.batches(texts, |text| text) {
                vectors.extend(self.embed_batch(batch, role, deadline).await?);
            }
            Ok(vectors)
        };
        telemetry::observed(span.clone(), work.instrument(span)).await
    }

    async fn embed_batch(
        &self,
        texts: &[&EmbeddableText],
        role: TextRole,
        deadline: Deadline,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let request = self.request(texts, role)?;
        let (status, headers, body) = send(Adapter::Embeddings, request, deadline).await?;
        if !status.is_success() {
            return Err(refusal(Adapter::Embeddings, status, &headers));
        }
        // The parser's message could quote the body, so only the fault's kind is kept.
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|_| malformed("not the embeddings shape"))?;
        self.in_order(answer.data, texts.len())
    }

    fn request(&self, texts: &[&EmbeddableText], role: TextRole) -> Result<RequestBuilder, Error> {
        let cut: Vec<&str> = texts
            .iter()
            .map(|text| self.load.cut(text.as_str()))
            .collect();
        let request = self
            .outbound
            .client(Adapter::Embeddings)?
            .post(&self.config.url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(self.dialect.body(&self.config, &cut, role).to_string());
        Ok(match (&self.config.key, self.dialect.key) {
            (None, _) => request,
            (Some(key), KeyHeader::Bearer) => request.bearer_auth(key.expose()),
            (Some(key), KeyHeader::ApiKey) => request.header("api-key", key.expose()),
        })
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
