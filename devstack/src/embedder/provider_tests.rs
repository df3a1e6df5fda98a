//! The service's own adapter as a client of each provider that is played here.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use memory_orchestrator::adapters::ErrorKind;
use memory_orchestrator::adapters::embeddings::{EmbeddableText, Embedder as Client, TextRole};
use memory_orchestrator::adapters::http::Outbound;
use memory_orchestrator::config::{self, EmbeddingsProvider};
use memory_orchestrator::domain::deadline::Deadline;

use super::{Dialect, Embedder, Settings, lexical};

const AZURE: &str = "/openai/deployments/lexical-384/embeddings?api-version=2024-10-21";

const PROVIDERS: [(Dialect, EmbeddingsProvider, &str); 3] = [
    (
        Dialect::OpenAi,
        EmbeddingsProvider::OpenAi,
        "/v1/embeddings",
    ),
    (Dialect::Azure, EmbeddingsProvider::Azure, AZURE),
    (
        Dialect::Voyage,
        EmbeddingsProvider::Voyage,
        "/v1/embeddings",
    ),
];

fn start(dialect: Dialect) -> Embedder {
    Embedder::start(Settings {
        api_key: Some("secret".to_owned()),
        dialect,
        ..Settings::default()
    })
    .unwrap()
}

fn client(embedder: &Embedder, provider: EmbeddingsProvider, path: &str, key: &str) -> Client {
    let config = config::Embeddings {
        provider,
        url: format!("{}{path}", embedder.url()),
        key: Some(config::Secret::new(key)),
        model: lexical::NAME.to_owned(),
        dimensions: 384,
        trusted: false,
    };
    Client::new(config, Arc::default(), Arc::new(Outbound::new(None)))
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

#[tokio::test]
async fn each_provider_serves_the_adapter_in_its_own_dialect() {
    let texts = ["hello", "hello there", "good bye"].map(EmbeddableText::ours);
    let texts: Vec<&EmbeddableText> = texts.iter().collect();
    for (dialect, provider, path) in PROVIDERS {
        let embedder = start(dialect);
        let served = client(&embedder, provider, path, "secret");
        for role in [TextRole::Query, TextRole::Document] {
            let vectors = served.embed(&texts, role, soon()).await;
            let vectors = vectors.unwrap_or_else(|error| panic!("{dialect:?}: {error}"));
            assert_eq!(vectors.len(), 3);
            let same: f32 = vectors[1]
                .iter()
                .zip(lexical::embed("hello there"))
                .map(|(ours, theirs)| ours * theirs)
                .sum();
            assert!((same - 1.0).abs() < 1e-5, "{dialect:?}: {same}");
        }
        let stranger = client(&embedder, provider, path, "wrong");
        let denied = stranger.embed(&texts, TextRole::Query, soon()).await;
        assert_eq!(denied.unwrap_err().kind, ErrorKind::Denied, "{dialect:?}");
    }
}

#[tokio::test]
async fn each_provider_may_ask_for_time() {
    let text = EmbeddableText::ours("hello");
    for (dialect, provider, path) in PROVIDERS {
        let embedder = start(dialect);
        let wait = Duration::from_secs(7);
        embedder.fail_next(1, StatusCode::TOO_MANY_REQUESTS, Some(wait));
        let served = client(&embedder, provider, path, "secret");
        let told = served.embed(&[&text], TextRole::Document, soon()).await;
        let told = told.unwrap_err();
        assert_eq!(
            (told.kind, told.retry_after),
            (ErrorKind::Throttled, Some(wait))
        );
    }
}

#[tokio::test]
async fn another_dialect_is_refused() {
    let text = EmbeddableText::ours("hello");
    for (dialect, provider, path, kind) in [
        (
            Dialect::Azure,
            EmbeddingsProvider::OpenAi,
            AZURE,
            ErrorKind::Denied,
        ),
        (
            Dialect::Azure,
            EmbeddingsProvider::Azure,
            "/v1/embeddings",
            ErrorKind::Refused,
        ),
        (
            Dialect::Voyage,
            EmbeddingsProvider::OpenAi,
            "/v1/embeddings",
            ErrorKind::Refused,
        ),
        (
            Dialect::OpenAi,
            EmbeddingsProvider::Voyage,
            "/v1/embeddings",
            ErrorKind::Refused,
        ),
        (
            Dialect::OpenAi,
            EmbeddingsProvider::Azure,
            "/v1/embeddings",
            ErrorKind::Denied,
        ),
    ] {
        let embedder = start(dialect);
        let stranger = client(&embedder, provider, path, "secret");
        let refused = stranger.embed(&[&text], TextRole::Query, soon()).await;
        assert_eq!(
            refused.unwrap_err().kind,
            kind,
            "{dialect:?} asked as {provider:?}"
        );
    }
}
