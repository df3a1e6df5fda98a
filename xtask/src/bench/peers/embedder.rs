//! Vectors for those who bring their own, from the embedder that all the others ask.

use std::collections::HashMap;

use pgvector::Vector;

use super::super::progress;
use super::super::recall::{said, vectors::asked};
use super::talk::Talk;
use crate::Error;

/// Texts of one call.
const BATCH: usize = 32;

/// The vectors of all that is said and asked, by text.
pub(super) type Vectors = HashMap<String, Vector>;

/// Asks for all of them, beforehand. `url` ends with `/v1/embeddings`.
pub(super) async fn vectors(url: &str, talk: &Talk) -> Result<Vectors, Error> {
    let client = reqwest::Client::new();
    let turns = talk.turns();
    let turns = turns.iter().map(|said| said::told(said.turn));
    let questions = talk.questions();
    let questions = questions.iter().map(|asked| asked.question.text.clone());
    let texts: Vec<String> = turns.chain(questions).collect();
    let bar = progress(texts.len(), "embedding beforehand")?;
    let mut vectors = Vectors::new();
    for texts in texts.chunks(BATCH) {
        let made = asked(&client, url, texts).await?;
        let made = made.into_iter().map(Vector::from);
        vectors.extend(texts.iter().cloned().zip(made));
        bar.inc(texts.len() as u64);
    }
    bar.finish_and_clear();
    Ok(vectors)
}
