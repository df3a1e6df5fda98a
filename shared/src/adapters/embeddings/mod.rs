//! Any embeddings provider in the shape of OpenAI's `POST /v1/embeddings`.
//!
//! Contract: one vector per text, in the order of the texts; each is returned with length 1, so
//! that the inner product is the cosine. Nothing is kept on the other side that we rely on, so a
//! call may be repeated freely.
//!
//! What leaves is [`EmbeddableText`]: redacted, unless the provider was declared to be the team's own. A
//! text that was not looked at does not compile here:
//!
//! ```compile_fail,E0308
//! # use memory_orchestrator::adapters::{Error, embeddings::Embedder};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::RawText;
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     embedder.embed(&[said], soon).await.map(drop)
//! }
//! ```
//!
//! nor does its bare text (`said.expose()`), and one that went through the embedder's own policy does:
//!
//! ```compile_fail,E0308
//! # use memory_orchestrator::adapters::{Error, embeddings::Embedder};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::RawText;
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     embedder.embed(&[said.expose()], soon).await.map(drop)
//! }
//! ```
//!
//! ```
//! # use memory_orchestrator::adapters::{Error, embeddings::Embedder};
//! # use memory_orchestrator::domain::deadline::Deadline;
//! # use memory_orchestrator::redact::{Numbers, RawText};
//! async fn sent(embedder: &Embedder, said: &RawText, soon: Deadline) -> Result<(), Error> {
//!     let text = embedder.admit(said, &mut Numbers::default());
//!     embedder.embed(&[&text], soon).await.map(drop)
//! }
//! ```

mod text;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tracing::Instrument;

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
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Vec<&'a str>,
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
        Self {
            outbound,
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

    /// Embeds texts, none of them empty, in as many calls as the batch size asks for. One that was let
    /// pass for a trusted provider is refused by any other.
    pub async fn embed(
        &self,
        texts: &[&EmbeddableText],
        deadline: Deadline,
    ) -> Result<Vec<Vec<f32>>, Error> {
        if !self.is_trusted() && texts.iter().any(|text| text.is_raw) {
            let what = "a text that this provider may not see";
            return Err(Error::new(Adapter::Embeddings, ErrorKind::Refused, what));
        }
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
        texts: &[&EmbeddableText],
        deadline: Deadline,
    ) -> Result<Vec<Vec<f32>>, Error> {
        let body = serde_json::to_vec(&Request {
            model: &self.config.model,
            input: texts.iter().map(|text| text.as_str()).collect(),
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

    fn embedder(trusted: bool) -> Embedder {
        let config = config::Embeddings {
            url: "http://127.0.0.1:9".to_owned(),
            key: None,
            model: "m".to_owned(),
            dimensions: 2,
            trusted,
        };
        let outbound = Arc::new(Outbound::new(None));
        Embedder::new(config, Arc::default(), outbound)
    }

    fn item(index: usize, embedding: &[f32]) -> Item {
        Item {
            index,
            embedding: embedding.to_vec(),
        }
    }

    #[test]
    fn vectors_come_in_the_order_of_the_texts_and_with_length_one() {
        let vectors = embedder(false).in_order(vec![item(1, &[0.0, 2.0]), item(0, &[3.0, 4.0])], 2);
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
                embedder(false).in_order(items, 2).unwrap_err().kind,
                ErrorKind::Malformed
            );
        }
    }

    #[test]
    fn a_provider_sees_what_it_is_trusted_with() {
        let said = RawText::new("mail ann@example.org, bob@example.org");
        let mut numbers = Numbers::default();
        let seen = |trusted, numbers: &mut Numbers| embedder(trusted).admit(&said, numbers);
        assert_eq!(seen(true, &mut numbers).as_str(), said.expose());
        let redacted = seen(false, &mut numbers);
        assert_eq!(redacted.as_str(), "mail [EMAIL_1], [EMAIL_2]");
        let bob = RawText::new("bob@example.org");
        let again = embedder(false).admit(&bob, &mut numbers);
        assert_eq!(again.as_str(), "[EMAIL_2]");
        assert_eq!(redacted.first(1).as_str(), "mail");
        assert_eq!(format!("{said:?} {redacted:?}").matches("mail").count(), 0);
    }

    #[tokio::test]
    async fn what_one_provider_may_see_another_does_not_get() {
        let said = RawText::new("mail ann@example.org");
        let text = embedder(true).admit(&said, &mut Numbers::default());
        let soon = Deadline::after(std::time::Duration::from_secs(1));
        for text in [&text, &text.first(1)] {
            let refused = embedder(false).embed(&[text], soon).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Refused);
        }
        // Nobody listens there.
        let sent = embedder(true).embed(&[&text], soon).await.unwrap_err();
        assert_eq!(sent.kind, ErrorKind::Unreachable);
    }
}
