//! The bodies of 200 answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::model::Embedding;
use crate::question::Encoding;

/// The answer to `POST /v1/embeddings`.
#[derive(Serialize)]
pub(crate) struct Embeddings<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Floats(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: usize,
    total_tokens: usize,
}

impl<'a> Embeddings<'a> {
    pub(crate) fn new(model: &'a str, embeddings: &'a [Embedding], encoding: Encoding) -> Self {
        let tokens = embeddings.iter().map(|embedding| embedding.tokens).sum();
        let data = embeddings
            .iter()
            .enumerate()
            .map(|(index, one)| Item {
                object: "embedding",
                index,
                embedding: Vector::new(&one.vector, encoding),
            })
            .collect();
        Self {
            object: "list",
            data,
            model,
            usage: Usage {
                prompt_tokens: tokens,
                total_tokens: tokens,
            },
        }
    }
}

impl<'a> Vector<'a> {
    fn new(values: &'a [f32], encoding: Encoding) -> Self {
        match encoding {
            Encoding::Float => Self::Floats(values),
            Encoding::Base64 => {
                let bytes: Vec<u8> = values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                Self::Base64(STANDARD.encode(bytes))
            }
        }
    }
}

/// The answer to `GET /v1/models`.
#[derive(Serialize)]
pub(crate) struct Models<'a> {
    object: &'static str,
    data: [Model<'a>; 1],
}

/// One entry of it, and the answer to `GET /v1/models/{model}`.
#[derive(Serialize)]
pub(crate) struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl<'a> Models<'a> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self {
            object: "list",
            data: [Model::new(name)],
        }
    }
}

impl<'a> Model<'a> {
    pub(crate) fn new(name: &'a str) -> Self {
        Self {
            id: name,
            object: "model",
            created: 0,
            owned_by: "memory-orchestrator",
        }
    }
}
