//! What the providers differ in: how much a call may carry, how the key is sent, which fields a request has.
//!
//! Tokens are counted by [`tokens::bound`](crate::domain::tokens::bound), which is proven for OpenAI's
//! encodings only. Where a tokeniser of another kind counts, the figures here stay well below the provider's.

use serde_json::{Map, Value, json};

use crate::config::{Embeddings, EmbeddingsProvider};

/// What a text is for. Some models embed a question otherwise than what answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRole {
    /// Something to search with.
    Query,
    /// Something to be found.
    Document,
}

/// How the key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyHeader {
    /// `authorization: Bearer …`.
    Bearer,
    /// Azure's `api-key`.
    ApiKey,
}

/// One provider's way to speak OpenAI's shape, and its limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    /// Texts per call, at most.
    pub(super) items: usize,
    /// Tokens per text; a longer one is cut.
    pub(super) text_tokens: u32,
    /// Tokens per call. A single text is sent in any case.
    pub(super) call_tokens: u32,
    /// How the key is sent.
    pub(super) key: KeyHeader,
    /// Whether `encoding_format: float` is understood.
    encoding: bool,
    /// The field that asks for a length of the vectors.
    dimensions: Option<&'static str>,
    /// Models of one length, which refuse to be asked for another.
    fixed: &'static [&'static str],
    /// Whether `input_type` tells a query from a document.
    role: bool,
}

/// OpenAI's shape with nothing that a server may lack; limits that are known of none, and harm none.
const COMPATIBLE: Dialect = Dialect {
    items: 32,
    text_tokens: 8_000,
    call_tokens: 256_000,
    key: KeyHeader::Bearer,
    encoding: true,
    dimensions: None,
    fixed: &[],
    role: false,
};

/// 2,048 texts, 8,192 tokens each, 300,000 in all
/// (<https://developers.openai.com/api/reference/resources/embeddings>, `input`); `dimensions` "only supported in
/// text-embedding-3 and later".
const OPENAI: Dialect = Dialect {
    items: 2_048,
    text_tokens: 8_191,
    call_tokens: 300_000,
    dimensions: Some("dimensions"),
    fixed: &["text-embedding-ada-002"],
    ..COMPATIBLE
};

/// OpenAI's models and limits; the key in `api-key`, the deployment's name in the address or, with
/// `/openai/v1/`, in `model` (<https://learn.microsoft.com/azure/ai-foundry/openai/reference>).
const AZURE: Dialect = Dialect {
    key: KeyHeader::ApiKey,
    ..OPENAI
};

/// 1,000 texts; 120,000 tokens in all with its strictest models, as it counts them: not quite like OpenAI, hence
/// the distance. A text may have 16,000 and more, and is cut there (`truncation`). `encoding_format` may
/// only be `base64` (<https://docs.voyageai.com/reference/embeddings-api>); the models with more than one length are
/// listed at <https://docs.voyageai.com/docs/embeddings>.
const VOYAGE: Dialect = Dialect {
    items: 1_000,
    text_tokens: 8_000,
    call_tokens: 80_000,
    encoding: false,
    dimensions: Some("output_dimension"),
    fixed: &[
        "voyage-2",
        "voyage-3",
        "voyage-large-2",
        "voyage-large-2-instruct",
        "voyage-code-2",
        "voyage-law-2",
        "voyage-finance-2",
        "voyage-multilingual-2",
        "voyage-3-lite",
    ],
    role: true,
    ..COMPATIBLE
};

/// Names no limit of a call, and cuts a text where its model ends
/// (`truncate`, <https://docs.ollama.com/api/embed>). These are ours: it may run on a machine without a
/// graphics card, and an attempt has 20 seconds.
const OLLAMA: Dialect = Dialect {
    text_tokens: 2_000,
    call_tokens: 16_000,
    dimensions: Some("dimensions"),
    ..COMPATIBLE
};

/// `--max-client-batch-size` 32 and `--max-batch-tokens` 16,384 are its defaults; most of its models take 512
/// tokens, and a longer text is refused without `--auto-truncate`
/// (<https://huggingface.co/docs/text-embeddings-inference/cli_arguments>).
const TEI: Dialect = Dialect {
    text_tokens: 510,
    call_tokens: 16_384,
    ..COMPATIBLE
};

/// `supabase/functions/embed`: 32 texts, 1,024 tokens in all, 512 of a text are seen.
const SUPABASE: Dialect = Dialect {
    text_tokens: 512,
    call_tokens: 1_024,
    ..COMPATIBLE
};

impl Dialect {
    /// A provider's entry.
    pub(super) const fn of(provider: EmbeddingsProvider) -> &'static Self {
        match provider {
            EmbeddingsProvider::Compatible => &COMPATIBLE,
            EmbeddingsProvider::OpenAi => &OPENAI,
            EmbeddingsProvider::Azure => &AZURE,
            EmbeddingsProvider::Voyage => &VOYAGE,
            EmbeddingsProvider::Ollama => &OLLAMA,
            EmbeddingsProvider::Tei => &TEI,
            EmbeddingsProvider::Supabase => &SUPABASE,
        }
    }

    /// The body of a request for these texts.
    pub(super) fn body(&self, config: &Embeddings, texts: &[&str], role: TextRole) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(config.model));
        body.insert("input".to_owned(), json!(texts));
        if self.encoding {
            body.insert("encoding_format".to_owned(), json!("float"));
        }
        let is_fixed = self.fixed.contains(&config.model.as_str());
        if let (Some(field), false) = (self.dimensions, is_fixed) {
            body.insert(field.to_owned(), json!(config.dimensions));
        }
        if self.role {
            let role = match role {
                TextRole::Query => "query",
                TextRole::Document => "document",
            };
            body.insert("input_type".to_owned(), json!(role));
        }
        Value::Object(body)
    }
}
