//! The vectors against golden ones, computed in float64 by a forward pass written in numpy.
//!
//! Skipped, with a line that says so, where the model's files have not been fetched
//! (`cargo xtask dev --embedder minilm` fetches them).

use std::path::Path;

use embedder_http::{Embedding, EmbeddingModel as _};

use crate::model::MiniLm;

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../.dev/cache/all-minilm-l6-v2"
);

/// Text, tokens, the first six numbers of its vector, cosine with the first text.
type Golden = (&'static str, usize, [f32; 6], f32);

const GOLDEN: [Golden; 4] = [
    (
        "The quick brown fox jumps over the lazy dog.",
        12,
        [
            0.0439335, 0.0589344, 0.0481784, 0.0775481, 0.0267444, -0.0376296,
        ],
        1.0,
    ),
    (
        "A fast auburn fox leaps across a sleepy hound.",
        12,
        [
            0.0367339, 0.0059567, 0.0175008, 0.0933388, -0.0175654, 0.0265528,
        ],
        0.6925996,
    ),
    (
        "Where did I leave my passport before the flight to Lisbon?",
        14,
        [
            0.0647913, 0.1047482, -0.0120481, 0.0402572, 0.0759789, 0.0205106,
        ],
        -0.0250500,
    ),
    (
        "Grüße aus Köln – 東京で会いましょう 🎉",
        14,
        [
            0.0555167, 0.0996738, 0.0555784, 0.0158235, -0.0358480, 0.0691445,
        ],
        0.0411142,
    ),
];

/// "word " 400 times, of which 256 tokens are read.
const LONG: (&str, usize, [f32; 6]) = (
    "word ",
    256,
    [
        -0.0081237, -0.0955860, -0.0386731, 0.0496620, -0.0437937, 0.0237198,
    ],
);

const TOLERANCE: f32 = 2e-6;

fn model() -> Option<MiniLm> {
    if !Path::new(FOLDER).join("model.safetensors").exists() {
        eprintln!("skipped: no model files in {FOLDER}");
        return None;
    }
    Some(MiniLm::load(Path::new(FOLDER)).unwrap())
}

fn assert_near(name: &str, got: &[f32], golden: &[f32]) {
    for (got, golden) in got.iter().zip(golden) {
        assert!(
            (got - golden).abs() < TOLERANCE,
            "{name}: {got} is not {golden}"
        );
    }
}

fn cosine(a: &Embedding, b: &Embedding) -> f32 {
    a.vector.iter().zip(&b.vector).map(|(a, b)| a * b).sum()
}

#[test]
fn vectors_are_the_golden_ones() {
    let Some(model) = model() else { return };
    let texts: Vec<String> = GOLDEN.iter().map(|(text, ..)| (*text).to_owned()).collect();
    let embeddings = model.embed(&texts).unwrap();
    for ((text, tokens, first, near), got) in GOLDEN.iter().zip(&embeddings) {
        assert_eq!(got.vector.len(), 384);
        assert_eq!(got.tokens, *tokens, "{text}");
        assert_near(text, &got.vector, first);
        assert_near(
            text,
            &[cosine(got, &embeddings[0]), cosine(got, got)],
            &[*near, 1.0],
        );
    }
}

#[test]
fn a_long_text_is_cut_and_does_not_disturb_the_short_ones_beside_it() {
    let Some(model) = model() else { return };
    let (word, tokens, first) = LONG;
    // Fewer texts than one pass takes, so that the short ones are padded to the long one.
    let embeddings = model
        .embed(&[
            GOLDEN[0].0.to_owned(),
            word.repeat(400),
            GOLDEN[1].0.to_owned(),
        ])
        .unwrap();
    assert_eq!(embeddings[1].tokens, tokens);
    assert_near("long", &embeddings[1].vector, &first);
    assert_near("before", &embeddings[0].vector, &GOLDEN[0].2);
    assert_near("after", &embeddings[2].vector, &GOLDEN[1].2);
}

#[test]
fn one_request_may_need_several_passes() {
    let Some(model) = model() else { return };
    let texts: Vec<String> = (0..40)
        .map(|n| format!("{} {n}", "tokens and more tokens ".repeat(n)))
        .collect();
    let together = model.embed(&texts).unwrap();
    for n in [0, 17, 39] {
        let alone = model.embed(&texts[n..=n]).unwrap();
        assert_near(&texts[n], &[cosine(&alone[0], &together[n])], &[1.0]);
    }
}
