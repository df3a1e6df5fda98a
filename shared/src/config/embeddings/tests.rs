//! What is read of the environment, for both providers.

use super::*;
use crate::config::Config;

fn read(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let base = [
        ("DATABASE_URL", "postgres://x"),
        ("SUPABASE_JWT_SECRET", "hush"),
    ];
    Config::from(|name| {
        let found = set.iter().chain(&base).find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn first(set: &[(&str, &str)]) -> Embeddings {
    read(set).unwrap().embeddings.unwrap()
}

#[test]
fn an_address_alone_is_what_it_always_was() {
    let found = first(&[("EMBEDDINGS_URL", "http://x.org/v1/embeddings")]);
    assert_eq!(found.provider, EmbeddingsProvider::Compatible);
    assert_eq!((found.model.as_str(), found.dimensions), ("gte-small", 384));
    assert!(found.key.is_none() && !found.trusted);
    assert!(read(&[]).unwrap().embeddings.is_none());
}

#[test]
fn a_name_alone_says_where_a_hosted_provider_is() {
    for (name, url, dimensions) in [
        ("openai", "https://api.openai.com/v1/embeddings", 1536),
        ("voyage", "https://api.voyageai.com/v1/embeddings", 1024),
        (
            "supabase",
            "https://ref.supabase.co/functions/v1/embed",
            384,
        ),
    ] {
        let next = [
            ("EMBEDDINGS_PROVIDER", name),
            ("EMBEDDINGS_API_KEY", "hush"),
            ("EMBEDDINGS_MODEL", "m"),
            ("EMBEDDINGS_NEXT_PROVIDER", name),
            ("EMBEDDINGS_NEXT_API_KEY", "hush"),
            ("EMBEDDINGS_NEXT_MODEL", "m"),
            ("SUPABASE_URL", "https://ref.supabase.co/"),
        ];
        let config = read(&next).unwrap();
        for found in [config.embeddings, config.next_embeddings] {
            let found = found.unwrap();
            assert_eq!((found.url.as_str(), found.dimensions), (url, dimensions));
        }
    }
}

#[test]
fn what_a_provider_needs_is_missed_by_name() {
    for (name, missing) in [
        ("compatible", "EMBEDDINGS_URL"),
        ("openai", "EMBEDDINGS_API_KEY"),
        ("azure", "EMBEDDINGS_API_KEY"),
        ("voyage", "EMBEDDINGS_API_KEY"),
        ("ollama", "EMBEDDINGS_URL"),
        ("tei", "EMBEDDINGS_URL"),
        ("supabase", "EMBEDDINGS_API_KEY"),
        ("OpenAI", "EMBEDDINGS_PROVIDER"),
    ] {
        let error = read(&[("EMBEDDINGS_PROVIDER", name)]).unwrap_err();
        assert_eq!(error.variable, missing, "{name}");
    }
    let error = read(&[
        ("EMBEDDINGS_PROVIDER", "openai"),
        ("EMBEDDINGS_API_KEY", "hush"),
    ]);
    assert_eq!(error.unwrap_err().variable, "EMBEDDINGS_MODEL");
}

#[test]
fn azure_is_asked_in_a_version() {
    let base = "https://r.openai.azure.com/openai";
    for (url, asked) in [
        (
            "/deployments/d/embeddings",
            "/deployments/d/embeddings?api-version=2024-10-21",
        ),
        (
            "/deployments/d/embeddings?api-version=x",
            "/deployments/d/embeddings?api-version=x",
        ),
        ("/v1/embeddings", "/v1/embeddings"),
    ] {
        let found = first(&[
            ("EMBEDDINGS_PROVIDER", "azure"),
            ("EMBEDDINGS_API_KEY", "hush"),
            ("EMBEDDINGS_MODEL", "d"),
            ("EMBEDDINGS_URL", &format!("{base}{url}")),
        ]);
        assert_eq!(found.url, format!("{base}{asked}"));
    }
}
