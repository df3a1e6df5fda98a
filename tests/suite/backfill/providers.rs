//! The model that serves and the one that is moved to, each from a provider with a dialect of its own.

use std::collections::BTreeMap;

use black_box::{Client, on_own_deployments, turn};
use devstack::embedder::lexical::{self, Lexical};
use devstack::embedder::{Dialect, Embedder, Settings};
use devstack::stack::StackSettings;
use serde_json::json;

const KEY: &str = "what-both-providers-ask-for";

fn provider(dialect: Dialect, model: Lexical) -> Embedder {
    Embedder::start(Settings {
        api_key: Some(KEY.to_owned()),
        model,
        dialect,
        ..Settings::default()
    })
    .unwrap()
}

/// One variable of each, the first and the next.
fn both(variable: &str, first: String, next: String) -> [(String, String); 2] {
    [
        (format!("EMBEDDINGS_{variable}"), first),
        (format!("EMBEDDINGS_NEXT_{variable}"), next),
    ]
}

async fn talk(client: &Client<'_>) {
    client.record("s", &[turn("1", "a jar of marmalade")]).await;
    client.synced("s").await;
    let asked = json!({ "sessionId": "other", "query": "marmalade", "deadlineMs": 5000 });
    let context = client.post("/api/context", asked).await;
    context.is(200);
    assert_eq!(
        context.body["adapters"]["embeddings"]["status"], "ok",
        "{context:?}"
    );
}

#[test]
fn two_providers_with_dialects_of_their_own_serve_side_by_side() {
    let voyage = provider(Dialect::Voyage, Lexical::default());
    let azure = provider(Dialect::Azure, Lexical::new("lexical-next", 256));
    let (first, next) = (voyage.url(), azure.url());
    let env: BTreeMap<String, String> = [
        both("PROVIDER", "voyage".to_owned(), "azure".to_owned()),
        both(
            "URL",
            format!("{first}/v1/embeddings"),
            format!("{next}/openai/deployments/lexical-next/embeddings"),
        ),
        both("API_KEY", KEY.to_owned(), KEY.to_owned()),
        both("MODEL", lexical::NAME.to_owned(), "lexical-next".to_owned()),
        both("DIMENSIONS", "384".to_owned(), "256".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let set = |settings: &mut StackSettings| settings.env.extend(env.clone());
    on_own_deployments(set, async |deployment| {
        talk(&deployment.as_somebody()).await;
        let models = "select count(distinct (model, dimensions)) from memories.turn_embeddings";
        assert_eq!(deployment.count(models, &[]).await, 2);
    });
    // What a text is for goes on as `user`: the turn is a document, what is asked a query.
    let asked = voyage.received();
    let of = |role: &str| {
        let role = format!(r#""user":"{role}""#);
        asked
            .iter()
            .filter(|request| request.contains(&role))
            .count()
    };
    assert!(of("document") > 0 && of("query") > 0, "{asked:?}");
    assert_eq!(of("document") + of("query"), asked.len());
}
