//! Requests as each provider gets them, the cut into calls, and answers that are not believed.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::config::EmbeddingsProvider;
use crate::domain::tokens;

fn embedder(trusted: bool) -> Embedder {
    embedder_of(EmbeddingsProvider::Compatible, "m", trusted)
}

fn embedder_of(provider: EmbeddingsProvider, model: &str, trusted: bool) -> Embedder {
    let config = config::Embeddings {
        provider,
        url: "http://127.0.0.1:9".to_owned(),
        key: Some(config::Secret::new("hush")),
        model: model.to_owned(),
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
    assert_eq!(format!("{said:?} {redacted:?}").matches("mail").count(), 0);
}

#[tokio::test]
async fn what_one_provider_may_see_another_does_not_get() {
    let said = RawText::new("mail ann@example.org");
    let text = embedder(true).admit(&said, &mut Numbers::default());
    let soon = Deadline::after(Duration::from_secs(1));
    let refused = embedder(false)
        .embed(&[&text], TextRole::Query, soon)
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Refused);
    // Nobody listens there.
    let sent = embedder(true)
        .embed(&[&text], TextRole::Query, soon)
        .await
        .unwrap_err();
    assert_eq!(sent.kind, ErrorKind::Unreachable);
}

fn texts(count: usize, words: &str) -> Vec<EmbeddableText> {
    let redactor = Redactor::default();
    let text = || redactor.redact(words).into();
    std::iter::repeat_with(text).take(count).collect()
}

#[test]
fn each_provider_is_asked_in_its_own_dialect() {
    let bearer = ("authorization", "Bearer hush");
    for (provider, model, header, more) in [
        (
            "compatible",
            "m",
            bearer,
            json!({"encoding_format": "float"}),
        ),
        (
            "openai",
            "text-embedding-3-small",
            bearer,
            json!({"encoding_format": "float", "dimensions": 2}),
        ),
        (
            "openai",
            "text-embedding-ada-002",
            bearer,
            json!({"encoding_format": "float"}),
        ),
        (
            "azure",
            "d",
            ("api-key", "hush"),
            json!({"encoding_format": "float", "dimensions": 2}),
        ),
        (
            "voyage",
            "voyage-4",
            bearer,
            json!({"output_dimension": 2, "input_type": "query"}),
        ),
        (
            "voyage",
            "voyage-law-2",
            bearer,
            json!({"input_type": "query"}),
        ),
        (
            "ollama",
            "m",
            bearer,
            json!({"encoding_format": "float", "dimensions": 2}),
        ),
        ("tei", "m", bearer, json!({"encoding_format": "float"})),
        (
            "supabase",
            "gte-small",
            bearer,
            json!({"encoding_format": "float"}),
        ),
    ] {
        let known = EmbeddingsProvider::ALL.into_iter();
        let named = known
            .clone()
            .find(|known| known.name() == provider)
            .unwrap();
        let said = EmbeddableText::ours("hello");
        let embedder = embedder_of(named, model, false);
        let request = embedder
            .request(&[&said], TextRole::Query)
            .unwrap()
            .build()
            .unwrap();
        let mut expected = json!({"model": model, "input": ["hello"]});
        expected
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let body: serde_json::Value =
            serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
        assert_eq!(body, expected, "{provider} {model}");
        let keys = ["authorization", "api-key"].map(|name| request.headers().get(name));
        let sent: Vec<_> = keys.into_iter().flatten().collect();
        assert_eq!(sent, [header.1], "{provider}: one key, in one header");
        assert_eq!(request.headers()[header.0], header.1);
    }
}

#[test]
fn what_was_said_is_a_document_to_voyage() {
    let embedder = embedder_of(EmbeddingsProvider::Voyage, "voyage-4", false);
    let body = embedder
        .dialect
        .body(&embedder.config, &["hello"], TextRole::Document);
    assert_eq!(body["input_type"], "document");
}

#[test]
fn a_call_carries_what_its_provider_takes() {
    // Of 8 tokens by the bound, give or take.
    let short = texts(3000, "a few words of a talk");
    let long = texts(7, &"many words ".repeat(300));
    for (provider, items) in [
        ("compatible", 32),
        ("openai", 2048),
        ("azure", 2048),
        ("voyage", 1000),
        ("ollama", 32),
        ("tei", 32),
        ("supabase", 32),
    ] {
        let mut known = EmbeddingsProvider::ALL.into_iter();
        let named = known.find(|known| known.name() == provider).unwrap();
        let embedder = embedder_of(named, "m", false);
        let runs = embedder.batches(&short, |text| text);
        assert_eq!(runs[0].len(), items, "{provider}");
        assert_eq!(runs.iter().map(|run| run.len()).sum::<usize>(), 3000);
        for run in embedder.batches(&long, |text| text) {
            let tokens: u32 = run
                .iter()
                .map(|text| tokens::bound(embedder.load.cut(text.as_str())))
                .sum();
            let one = embedder.load.cut(run[0].as_str());
            assert!(
                tokens <= embedder.dialect.call_tokens,
                "{provider}: {tokens}"
            );
            assert!(
                tokens::bound(one) <= embedder.dialect.text_tokens,
                "{provider}"
            );
        }
    }
    let small = embedder_of(EmbeddingsProvider::Supabase, "gte-small", false);
    let sizes: Vec<_> = small
        .batches(&long, |text| text)
        .iter()
        .map(|run| run.len())
        .collect();
    assert_eq!(sizes, [2, 2, 2, 1]);
    assert!(
        small
            .batches(&[] as &[EmbeddableText], |text| text)
            .is_empty()
    );
}

#[test]
fn no_call_asks_for_more_than_is_read_of_an_answer() {
    let said = texts(3000, "hello");
    let mut config = embedder_of(EmbeddingsProvider::OpenAi, "m", false).config;
    for (dimensions, most) in [(1536, 273), (4000, 104)] {
        config.dimensions = dimensions;
        let embedder = Embedder::new(
            config.clone(),
            Arc::default(),
            Arc::new(Outbound::new(None)),
        );
        assert_eq!(embedder.batches(&said, |text| text)[0].len(), most);
    }
}
