//! Texts as hashed bags of words: related wording gives near vectors, meaning plays no part.
//!
//! Features are stems, pairs of stems, and character n-grams (which forgive typing errors and
//! inflection); each is hashed to one signed place of the vector (Weinberger et al. 2009, "Feature
//! hashing for large scale multitask learning"), so no vocabulary is needed and a text has the same
//! vector on every machine, in every version. Changing anything here changes stored vectors: the
//! golden test says so, and the model then needs a new name.

mod fnv;
mod stem;
mod words;

use embedder_http::{Embedding, EmbeddingModel, ModelError};

use fnv::hash;
use words::{Word, words};

/// The model's name in requests.
pub const NAME: &str = "lexical-384";

/// The length of its vectors.
pub const DIMENSIONS: usize = 384;

/// A word (by its stem) weighs one. A pair of neighbours adds order; a single n-gram says little,
/// but a word has about twenty of them.
const PAIR: f32 = 0.5;
const NGRAM: f32 = 0.18;

/// How much of its weight a stop word keeps: enough for "to be or not to be" to be something.
const STOP_WORD: f32 = 0.1;

/// The lexical model.
#[derive(Debug, Clone)]
pub struct Lexical {
    name: String,
    dimensions: usize,
}

impl Default for Lexical {
    fn default() -> Self {
        Self::new(NAME, DIMENSIONS)
    }
}

impl Lexical {
    /// The same features under another name or in another number of dimensions (at least one): a
    /// second model, or a stand-in for one whose dimensions somebody insists on.
    #[must_use]
    pub fn new(name: impl Into<String>, dimensions: usize) -> Self {
        Self {
            name: name.into(),
            dimensions: dimensions.max(1),
        }
    }

    /// The vector of a text, of length one whatever the text.
    #[must_use]
    pub fn vector(&self, text: &str) -> Vec<f32> {
        place(features(text, &words(text)), self.dimensions)
    }
}

/// The vector of a text in [`DIMENSIONS`] dimensions, of length one whatever the text.
#[must_use]
pub fn embed(text: &str) -> Vec<f32> {
    place(features(text, &words(text)), DIMENSIONS)
}

impl EmbeddingModel for Lexical {
    fn name(&self) -> &str {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        let embedding = |text: &String| {
            let words = words(text);
            let vector = place(features(text, &words), self.dimensions);
            Embedding {
                vector,
                tokens: words.len(),
            }
        };
        Ok(texts.iter().map(embedding).collect())
    }
}

/// A hashed feature and the weight of one occurrence.
type Feature = (u64, f32);

fn features(text: &str, words: &[Word]) -> Vec<Feature> {
    let mut features = Vec::with_capacity(words.len() * 24);
    for word in words {
        let weight = if word.stop { STOP_WORD } else { 1.0 };
        features.push((hash(b'w', &[&word.stem]), weight));
        ngrams(&word.text, weight * NGRAM, &mut features);
    }
    for pair in words.windows(2) {
        if !(pair[0].stop && pair[1].stop) {
            features.push((hash(b'p', &[&pair[0].stem, &pair[1].stem]), PAIR));
        }
    }
    if features.is_empty() {
        // No letter, no digit (an emoji, say): the text as a whole is its one feature, so that
        // every vector has length one and a cosine is never NaN.
        features.push((hash(b't', &[text.trim()]), 1.0));
    }
    features
}

/// Runs of 3 to 5 characters, with a space where the word begins and ends.
fn ngrams(word: &str, weight: f32, features: &mut Vec<Feature>) {
    let padded = format!(" {word} ");
    let ends: Vec<usize> = padded
        .char_indices()
        .map(|(at, _)| at)
        .chain([padded.len()])
        .collect();
    for size in 3..=5 {
        for window in ends.windows(size + 1) {
            features.push((hash(b'c', &[&padded[window[0]..window[size]]]), weight));
        }
    }
}

/// Adds the features up, each damped to `weight * (1 + ln occurrences)`, and makes the length one.
fn place(mut features: Vec<Feature>, dimensions: usize) -> Vec<f32> {
    // Sorted, so that sums are rounded in the same order whatever the order of the words.
    features.sort_unstable_by_key(|&(hash, _)| hash);
    let mut vector = vec![0.0_f32; dimensions];
    for same in features.chunk_by(|a, b| a.0 == b.0) {
        let (hash, weight) = same[0];
        let weight = weight * (1.0 + (same.len() as f32).ln());
        // The topmost bit is the sign, so that collisions cancel rather than pile up.
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % dimensions as u64) as usize] += sign * weight;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    } else {
        // All features cancelled out: next to impossible, and still a vector is owed.
        vector[0] = 1.0;
    }
    vector
}

#[cfg(test)]
mod tests;
