//! What Mem0 knows, in a context.

use black_box::{Deployment, on_own_deployments, turn};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{fake, kept, with};

/// Mem0 has found something in a turn.
async fn found(deployment: &Deployment, user: Uuid, text: &str, metadata: Value) {
    let fake = fake(deployment);
    let body = json!({
        "messages": [{ "role": "user", "content": text }],
        "user_id": user,
        "metadata": metadata,
    });
    let added = reqwest::Client::new()
        .post(format!("{}/memories", fake.url()))
        .header("x-api-key", fake.api_key())
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await;
    assert_eq!(added.unwrap().status(), 200);
}

const TOLD: &str = "A grey cat called Pixel moved in, ask ana@example.com";
const FACT: &str = "Has a cat called Pixel";
const OTHERS: &str = "Has a cat called Nero";

/// A user with one turn, which Mem0 has and has found a fact in; and somebody else with a cat.
async fn with_a_cat(deployment: &Deployment) -> (Uuid, Value) {
    let user = Uuid::new_v4();
    let client = deployment.as_user(user);
    let recorded = client.record("pets", &[turn("1", TOLD)]).await;
    client.synced("pets").await;
    assert_eq!(
        kept(deployment),
        ["A grey cat called Pixel moved in, ask [EMAIL_1]"]
    );
    let pushes = fake(deployment).pushes();
    let metadata = pushes[0].metadata.clone();
    assert_eq!(metadata["turnId"], recorded.body["turns"][0]["turnId"]);
    found(deployment, user, FACT, metadata.clone()).await;
    found(deployment, Uuid::new_v4(), OTHERS, json!({})).await;
    (user, metadata)
}

#[test]
fn facts_stand_among_the_turns_and_say_nothing_twice() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[("MEM0_API", api)]), async |deployment| {
            let (user, metadata) = with_a_cat(deployment).await;
            let client = deployment.as_user(user);
            let query = json!({ "query": "What is my cat called?", "deadlineMs": 5000 });
            let context = client.context(query).await;
            assert_eq!(context.body["degraded"], json!([]), "{context:?}");
            assert_eq!(context.body["adapters"]["mem0"]["status"], "ok");
            let mut texts = context.each("items", "text");
            texts.sort_by_key(Value::to_string);
            assert_eq!(texts, [TOLD, FACT], "{context:?}");

            let scores = context.each("items", "score");
            assert!(scores[0].as_f64() >= scores[1].as_f64(), "{context:?}");
            let items = context.body["items"].as_array().unwrap();
            let fact = items.iter().find(|item| item["source"] == "fact");
            let fact = fact.expect("a fact");
            assert_eq!(fact["turnId"], metadata["turnId"], "{fact}");
            assert_eq!(fact["sessionId"], metadata["sessionId"], "{fact}");
            assert_eq!(fact["role"], "system", "{fact}");
            // It is as old as the turn that it was found in.
            assert_eq!(fact["createdAt"], items[0]["createdAt"], "{context:?}");
            assert_eq!(fact["createdAt"], items[1]["createdAt"], "{context:?}");
            let prompt = context.body["prompt"].as_str().unwrap();
            let known = format!("\n[known facts]\n- {FACT}\n[");
            assert!(prompt.contains(&known), "{prompt}");
        });
    }
}

#[test]
fn facts_can_be_had_alone_or_not_at_all() {
    on_own_deployments(with(&[]), async |deployment| {
        let (user, _) = with_a_cat(deployment).await;
        let client = deployment.as_user(user);
        let ask = async |more: Value| {
            let mut body = json!({ "query": "What is my cat called?", "deadlineMs": 5000 });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            client.context(body).await
        };
        let alone = ask(json!({ "include": ["facts"] })).await;
        let mut sources = alone.each("items", "source");
        sources.dedup();
        assert_eq!(sources, ["fact"], "{alone:?}");
        assert!(alone.each("items", "text").contains(&json!(FACT)));
        assert!(!alone.each("items", "text").contains(&json!(OTHERS)));

        let asked = fake(deployment).received().len();
        for without in [
            json!({ "include": ["relevant"] }),
            json!({ "sessionId": "pets", "scope": "session" }),
            json!({ "sessionId": "pets", "include": ["facts"], "query": "" }),
        ] {
            let reply = ask(without).await;
            assert!(!reply.each("items", "source").contains(&json!("fact")));
            assert_eq!(reply.body["adapters"]["mem0"]["status"], "skipped");
        }
        assert_eq!(fake(deployment).received().len(), asked);
    });
}

#[test]
fn a_query_is_redacted_before_it_leaves() {
    on_own_deployments(with(&[]), async |deployment| {
        let query = "Did ana@example.com or +351 912 345 678 pay with 4111 1111 1111 1111?";
        let body = json!({ "query": query, "deadlineMs": 5000 });
        let context = deployment.as_somebody().context(body).await;
        assert_eq!(context.body["adapters"]["mem0"]["status"], "ok");
        let received = fake(deployment).received();
        assert_eq!(received.len(), 1, "{received:?}");
        let redacted = "Did [EMAIL_1] or [PHONE_1] pay with [CARD_1]?";
        assert!(received[0].contains(redacted), "{received:?}");
        assert!(!received[0].contains("example.com"), "{received:?}");
    });
}
