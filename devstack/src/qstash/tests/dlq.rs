//! Dead letters: listed, retried, deleted.

use axum::http::StatusCode;
use serde_json::json;

use super::{Bench, Receiver};

/// Ten dead letters whose destination fails until it was tried once.
async fn ten() -> (Bench, Receiver) {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|_, before| match before {
        0 => (StatusCode::INTERNAL_SERVER_ERROR, [0xff_u8, 0x00]),
        _ => (StatusCode::OK, [0, 0]),
    })
    .await;
    for n in 0..10 {
        let label = if n % 2 == 0 { "even" } else { "odd" };
        let headers = [("upstash-retries", "0"), ("upstash-label", label)];
        let url = format!("{}/{n}", receiver.url);
        bench.publish(&url, &headers, &format!("body {n}")).await;
        bench.idle().await;
    }
    (bench, receiver)
}

#[tokio::test]
async fn pages_and_filters_cover_all_letters_once() {
    let (bench, _receiver) = ten().await;
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let page = bench.get(&format!("/v2/dlq?count=4&cursor={cursor}")).await;
        for letter in page["messages"].as_array().expect("messages") {
            seen.push(letter["body"].as_str().expect("body").to_owned());
        }
        match page["cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(
        seen,
        (0..10).map(|n| format!("body {n}")).collect::<Vec<_>>()
    );

    let odd = bench.get("/v2/dlq?label=odd").await;
    assert_eq!(odd["messages"].as_array().map(Vec::len), Some(5));
    let letter = &odd["messages"][0];
    assert_eq!(letter["responseStatus"], 500);
    assert_eq!(letter["responseBodyBase64"], "/wA=");
    assert!(letter.get("responseBody").is_none());
    let id = letter["dlqId"].as_str().expect("dlqId");
    assert_eq!(&bench.get(&format!("/v2/dlq/{id}")).await, letter);
}

#[tokio::test]
async fn a_retry_is_a_new_message_and_removes_the_letter() {
    let (bench, receiver) = ten().await;
    let letters = bench.dead_letters().await;
    let id = letters[0]["dlqId"].as_str().expect("dlqId");
    let path = format!("/v2/dlq/retry/{id}");
    let over = [("upstash-forward-x-again", "yes")];
    let (status, answer) = bench.call("POST", &path, &over, "").await;
    assert_eq!(status, 201);
    assert_ne!(answer["messageId"], letters[0]["messageId"]);
    bench.idle().await;
    let hits = receiver.at("/0");
    assert_eq!(hits.len(), 2);
    assert_eq!(hits[1].body, "body 0");
    assert_eq!(hits[1].header("x-again"), "yes");
    assert_eq!(answer["messageId"], hits[1].header("upstash-message-id"));
    assert_eq!(bench.call("POST", &path, &[], "").await.0, 404);

    let id = |n: usize| letters[n]["dlqId"].as_str().expect("dlqId");
    let path = format!("/v2/dlq/retry?dlqIds={}&dlqIds={}", id(1), id(2));
    let (_, answer) = bench.call("POST", &path, &[], "").await;
    assert_eq!(answer["responses"].as_array().map(Vec::len), Some(2));
    bench.idle().await;
    assert_eq!(bench.dead_letters().await.len(), 7);
}

#[tokio::test]
async fn letters_are_deleted_one_by_one_by_ids_and_by_filter() {
    let (bench, _receiver) = ten().await;
    let letters = bench.dead_letters().await;
    let id = |n: usize| letters[n]["dlqId"].as_str().expect("dlqId");
    let path = format!("/v2/dlq/{}", id(0));
    assert_eq!(bench.call("DELETE", &path, &[], "").await.0, 200);
    assert_eq!(bench.call("DELETE", &path, &[], "").await.0, 404);
    let path = format!("/v2/dlq?dlqIds={},{}", id(1), id(0));
    assert_eq!(
        bench.call("DELETE", &path, &[], "").await.1,
        json!({ "deleted": 1 })
    );
    let body = json!({ "dlqIds": [id(2)] }).to_string();
    assert_eq!(
        bench.call("DELETE", "/v2/dlq", &[], body).await.1["deleted"],
        1
    );
    assert_eq!(
        bench.call("DELETE", "/v2/dlq?label=odd", &[], "").await.1["deleted"],
        4
    );
    assert_eq!(bench.dead_letters().await.len(), 3);
}
