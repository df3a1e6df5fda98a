//! The HTTP shape, over a model of three dimensions that counts letters.

use crate::{Embedding, EmbeddingModel, ModelError, Settings, router};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Letters;

impl EmbeddingModel for Letters {
    fn name(&self) -> &str {
        "letters-3"
    }

    fn dimensions(&self) -> usize {
        3
    }

    fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, ModelError> {
        if texts.iter().any(|text| text == "break") {
            return Err("the weights are on fire".into());
        }
        let embedding = |text: &String| Embedding {
            vector: vec![text.len() as f32, 0.5, -1.0],
            tokens: 2,
        };
        Ok(texts.iter().map(embedding).collect())
    }
}

fn open() -> Router {
    router(Letters, Settings::default())
}

async fn call(app: Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn embed(body: Value) -> (StatusCode, Value) {
    call(
        open(),
        Request::post("/v1/embeddings")
            .body(Body::from(body.to_string()))
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn one_text_and_a_list_of_texts_are_embedded_in_order() {
    let (status, one) = embed(json!({"model": "letters-3", "input": "abcd"})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        one,
        json!({
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [4.0, 0.5, -1.0]}],
            "model": "letters-3",
            "usage": {"prompt_tokens": 2, "total_tokens": 2},
        })
    );
    let (_, two) =
        embed(json!({"model": "letters-3", "input": ["a", "bc"], "dimensions": 3, "user": "u"}))
            .await;
    assert_eq!(
        two["data"][1],
        json!({"object": "embedding", "index": 1, "embedding": [2.0, 0.5, -1.0]})
    );
    assert_eq!(two["usage"]["total_tokens"], 4);
}

#[tokio::test]
async fn base64_carries_little_endian_floats() {
    let (_, answer) =
        embed(json!({"model": "letters-3", "input": "a", "encoding_format": "base64"})).await;
    // 00 00 80 3f, 00 00 00 3f, 00 00 80 bf
    assert_eq!(answer["data"][0]["embedding"], "AACAPwAAAD8AAIC/");
}

#[tokio::test]
async fn bad_bodies_are_refused_in_openais_shape() {
    let many = vec!["a"; 2049];
    let cases = [
        (
            json!({"model": "letters-3", "input": ""}),
            400,
            json!("input"),
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": []}),
            400,
            json!("input"),
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": ["a", ""]}),
            400,
            json!("input"),
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": [1, 2]}),
            400,
            json!("input"),
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": many}),
            400,
            json!("input"),
            json!("array_above_max_length"),
        ),
        (
            json!({"model": "letters-3", "input": "a", "dimensions": 2}),
            400,
            json!("dimensions"),
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": "a", "encoding_format": "hex"}),
            400,
            Value::Null,
            Value::Null,
        ),
        (
            json!({"model": "letters-3", "input": "a", "surprise": 1}),
            400,
            Value::Null,
            Value::Null,
        ),
        (json!({"model": "letters-3"}), 400, Value::Null, Value::Null),
        (
            json!({"model": "letters-4", "input": "a"}),
            404,
            Value::Null,
            json!("model_not_found"),
        ),
    ];
    for (body, status, param, code) in cases {
        let (got, answer) = embed(body).await;
        assert_eq!(got.as_u16(), status, "{answer}");
        let error = &answer["error"];
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(error["type"], "invalid_request_error");
        assert_eq!(
            (&error["param"], &error["code"]),
            (&param, &code),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn two_thousand_and_forty_eight_texts_are_still_allowed() {
    let (status, answer) = embed(json!({"model": "letters-3", "input": vec!["a"; 2048]})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["data"].as_array().unwrap().len(), 2048);
}

#[tokio::test]
async fn a_models_failure_is_a_500_that_tells_nothing() {
    let (status, answer) = embed(json!({"model": "letters-3", "input": "break"})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer["error"]["type"], "server_error");
    assert!(!answer.to_string().contains("fire"));
}

#[tokio::test]
async fn the_key_is_checked_when_one_is_set() {
    let with = |header: Option<&str>| {
        let mut request = Request::get("/v1/models");
        if let Some(value) = header {
            request = request.header("authorization", value);
        }
        let app = router(
            Letters,
            Settings {
                api_key: Some("right".into()),
            },
        );
        call(app, request.body(Body::empty()).unwrap())
    };
    assert_eq!(with(Some("Bearer right")).await.0, StatusCode::OK);
    assert_eq!(with(None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(with(Some("right")).await.0, StatusCode::UNAUTHORIZED);
    let (status, answer) = with(Some("Bearer wrong")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer["error"]["code"], "invalid_api_key");
    assert!(!answer.to_string().contains("wrong"));
}

#[tokio::test]
async fn the_model_is_listed() {
    let get = |uri: &str| call(open(), Request::get(uri).body(Body::empty()).unwrap());
    let (_, list) = get("/v1/models").await;
    assert_eq!(list["data"][0]["id"], "letters-3");
    assert_eq!(get("/v1/models/letters-3").await.0, StatusCode::OK);
    assert_eq!(get("/v1/models/other").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unknown_urls_and_methods_have_the_same_error_shape() {
    let (status, answer) = call(
        open(),
        Request::get("/v1/embeddings").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer["error"]["code"], "method_not_supported");
    let (status, answer) = call(
        open(),
        Request::post("/embeddings").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(answer["error"]["code"], "unknown_url");
}
