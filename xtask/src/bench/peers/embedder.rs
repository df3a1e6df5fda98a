//! Vectors for those who bring their own, from the embedder that all the others ask.

use std::collections::HashMap;

use devstack::embedder::minilm;
use pgvector::Vector;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::super::progress;
use super::super::recall::said;
use super::talk::Talk;
use crate::Error;

/// Texts of one call.
const BATCH: usize = 32;

/// The vectors of all that is said and asked, by text.
pub(super) type Vectors = HashMap<String, Vector>;

#[derive(Deserialize)]
struct Answer {
    data: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    embedding: Vec<f32>,
}

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
        let body = json!({ "model": minilm::NAME, "input": texts }).to_string();
        let request = client.post(url).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await?.error_for_status()?;
        let answer: Answer = serde_json::from_slice(&answer.bytes().await?)?;
        let made = answer
            .data
            .into_iter()
            .map(|one| Vector::from(one.embedding));
        vectors.extend(texts.iter().cloned().zip(made));
        bar.inc(texts.len() as u64);
    }
    bar.finish_and_clear();
    Ok(vectors)
}
