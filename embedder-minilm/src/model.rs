//! all-MiniLM-L6-v2 through candle: tokens, BERT, mean pooling, length one.
//!
//! The steps are those of `sentence-transformers` for this model: at most 256 tokens, mean over the
//! tokens that are not padding, L2 norm.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use embedder_http::{Embedding, EmbeddingModel, ModelError};
use tokenizers::{Tokenizer, TruncationParams};

/// The name that requests give in `model`.
pub(crate) const NAME: &str = "all-minilm-l6-v2";

/// `max_seq_length` of the model's `sentence_bert_config.json`; the rest of a text is not read.
const MAX_TOKENS: usize = 256;

/// Tokens of one pass, padding included: enough to keep the cores busy, few enough for the cache.
const TOKENS_PER_BATCH: usize = 2048;

/// The model, ready to embed.
pub(crate) struct MiniLm {
    tokenizer: Tokenizer,
    dimensions: usize,
    /// One pass at a time: it uses every core already, and two at once only slow each other down.
    bert: Mutex<BertModel>,
}

impl MiniLm {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` from `folder`.
    pub(crate) fn load(folder: &Path) -> Result<Self, ModelError> {
        let config: Config = serde_json::from_slice(&read(folder, "config.json")?)?;
        let mut tokenizer = Tokenizer::from_bytes(read(folder, "tokenizer.json")?)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(TruncationParams {
            max_length: MAX_TOKENS,
            ..Default::default()
        }))?;
        let weights = read(folder, "model.safetensors")?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        let bert = Mutex::new(BertModel::load(weights, &config)?);
        Ok(Self {
            tokenizer,
            dimensions: config.hidden_size,
            bert,
        })
    }

    /// Vectors of texts of like length; the shorter ones are padded to the longest.
    fn pass(&self, batch: &[&[u32]]) -> candle_core::Result<Vec<Vec<f32>>> {
        let longest = batch.iter().map(|ids| ids.len()).max().unwrap_or_default();
        let shape = (batch.len(), longest);
        let mut ids = vec![0_u32; batch.len() * longest];
        let mut mask = vec![0_f32; ids.len()];
        for (row, text) in batch.iter().enumerate() {
            let start = row * longest;
            ids[start..start + text.len()].copy_from_slice(text);
            mask[start..start + text.len()].fill(1.0);
        }
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let bert = self.bert.lock().unwrap_or_else(PoisonError::into_inner);
        let hidden = bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        // The mean's divisor is left out: it falls away when the length becomes one.
        let sum = hidden.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        let length = sum.sqr()?.sum_keepdim(1)?.sqrt()?;
        sum.broadcast_div(&length)?.to_vec2()
    }
}

impl EmbeddingModel for MiniLm {
    fn name(&self) -> &str {
        NAME
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        let texts = texts.iter().map(String::as_str).collect();
        let encoded = self.tokenizer.encode_batch_fast::<&str>(texts, true)?;
        let ids: Vec<&[u32]> = encoded.iter().map(|text| text.get_ids()).collect();
        let mut embeddings = vec![
            Embedding {
                vector: Vec::new(),
                tokens: 0
            };
            ids.len()
        ];
        for batch in batches(&ids) {
            let rows: Vec<&[u32]> = batch.iter().map(|&index| ids[index]).collect();
            for (&index, vector) in batch.iter().zip(self.pass(&rows)?) {
                embeddings[index] = Embedding {
                    vector,
                    tokens: ids[index].len(),
                };
            }
        }
        Ok(embeddings)
    }
}

/// Groups texts of like length, so that little is computed for padding; indices into `ids`.
fn batches(ids: &[&[u32]]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..ids.len()).collect();
    order.sort_by_key(|&index| ids[index].len());
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for index in order {
        match batches.last_mut() {
            // Lengths rise, so this text would be the longest of the batch.
            Some(batch) if (batch.len() + 1) * ids[index].len() <= TOKENS_PER_BATCH => {
                batch.push(index)
            }
            _ => batches.push(vec![index]),
        }
    }
    batches
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Unreadable> {
    let path = folder.join(name);
    fs::read(&path).map_err(|source| Unreadable {
        path: path.display().to_string(),
        source,
    })
}

/// A file of the model that could not be read, by name.
#[derive(Debug)]
struct Unreadable {
    path: String,
    source: std::io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.source)
    }
}

impl std::error::Error for Unreadable {}
