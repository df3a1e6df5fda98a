//! The embedder through HTTP, and its bad days.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use super::lexical::{self, Lexical};
use super::{Embedder, Settings};

fn start() -> Embedder {
    Embedder::start(Settings::default()).unwrap()
}

fn post(embedder: &Embedder, text: &str) -> RequestBuilder {
    let body = json!({"model": lexical::NAME, "input": [text]});
    Client::new()
        .post(format!("{}/v1/embeddings", embedder.url()))
        .json(&body)
}

async fn send(embedder: &Embedder, text: &str) -> Response {
    post(embedder, text).send().await.unwrap()
}

#[tokio::test]
async fn the_lexical_model_is_served() {
    let embedder = start();
    let answer: Value = send(&embedder, "two words").await.json().await.unwrap();
    let vector: Vec<f32> = serde_json::from_value(answer["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(vector, lexical::embed("two words"));
    assert_eq!(answer["usage"]["prompt_tokens"], 2);
}

#[tokio::test]
async fn a_key_and_another_model_can_be_set() {
    let embedder = Embedder::start(Settings {
        api_key: Some("secret".into()),
        model: Lexical::new("lexical-8", 8),
        ..Settings::default()
    })
    .unwrap();
    assert_eq!(
        send(&embedder, "a").await.status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        post(&embedder, "a")
            .bearer_auth("secret")
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn it_chokes_on_some_words_until_it_is_cured() {
    let embedder = start();
    embedder.choke_on("gravel", StatusCode::BAD_REQUEST);
    for (text, status) in [
        ("a spoon of gravel", StatusCode::BAD_REQUEST),
        ("a spoon of sugar", StatusCode::OK),
        ("more gravel", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(send(&embedder, text).await.status(), status, "{text}");
    }
    embedder.cure();
    assert_eq!(send(&embedder, "gravel").await.status(), StatusCode::OK);
    assert_eq!(embedder.requests().texts.len(), 4);
}

#[tokio::test]
async fn the_next_requests_fail_as_asked() {
    let embedder = start();
    embedder.fail_next(
        2,
        StatusCode::TOO_MANY_REQUESTS,
        Some(Duration::from_secs(7)),
    );
    for _ in 0..2 {
        let response = send(&embedder, "a").await;
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()["retry-after"], "7");
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["message"].is_string());
    }
    assert_eq!(send(&embedder, "a").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_hanging_request_is_answered_when_the_hang_ends() {
    let embedder = start();
    embedder.hang(true);
    let short = post(&embedder, "a")
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(short.unwrap_err().is_timeout());
    let pending = tokio::spawn(post(&embedder, "b").send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!pending.is_finished());
    embedder.hang(false);
    assert_eq!(pending.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_trickled_answer_begins_at_once_and_ends_when_the_trickle_does() {
    let embedder = start();
    embedder.trickle(true);
    let began = Instant::now();
    let response = send(&embedder, "a").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(began.elapsed() < Duration::from_secs(2));
    let pending = tokio::spawn(response.json::<Value>());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!pending.is_finished());
    embedder.trickle(false);
    assert_eq!(pending.await.unwrap().unwrap()["object"], "list");
}

#[tokio::test]
async fn requests_are_counted_and_their_texts_kept() {
    let embedder = start();
    embedder.fail_next(1, StatusCode::SERVICE_UNAVAILABLE, None);
    send(&embedder, "first canary").await;
    send(&embedder, "second").await;
    let requests = embedder.requests();
    assert_eq!(requests.count, 2);
    assert_eq!(requests.texts, ["first canary", "second"]);
    embedder.forget();
    assert_eq!(embedder.requests().count, 0);
}

#[tokio::test]
async fn a_stopped_embedder_refuses_and_another_can_take_its_port() {
    let embedder = start();
    let (port, request) = (embedder.port(), post(&embedder, "a"));
    let client = Client::new();
    let kept_alive = client.get(format!("{}/v1/models", embedder.url()));
    assert_eq!(
        kept_alive
            .try_clone()
            .unwrap()
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );
    embedder.stop();
    assert!(kept_alive.send().await.is_err());
    assert!(request.send().await.unwrap_err().is_connect());
    let again = Embedder::start(Settings {
        port: Some(port),
        ..Settings::default()
    })
    .unwrap();
    assert_eq!(send(&again, "a").await.status(), StatusCode::OK);
}
