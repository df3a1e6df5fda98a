//! Callbacks and failure callbacks.

use axum::http::StatusCode;

use super::{Bench, Receiver, decoded};

#[tokio::test]
async fn a_callback_tells_of_every_attempt() {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|hit, before| match hit.path.as_str() {
        "/task" if before == 0 => (StatusCode::BAD_GATEWAY, "not yet"),
        // The callback itself is a message: it is retried.
        "/done" if before == 0 => (StatusCode::INTERNAL_SERVER_ERROR, ""),
        _ => (StatusCode::CREATED, "made"),
    })
    .await;
    let callback = format!("{}/done", receiver.url);
    let headers = [
        ("upstash-retry-delay", "1000"),
        ("upstash-callback", callback.as_str()),
        ("upstash-callback-retry-delay", "2000"),
        ("upstash-callback-forward-x-tag", "mine"),
        ("upstash-forward-x-tag", "theirs"),
        ("content-type", "text/plain"),
    ];
    let work = format!("{}/task", receiver.url);
    let id = bench.publish(&work, &headers, "task").await;
    bench.idle().await;

    let calls = receiver.at("/done");
    assert_eq!(
        calls.len(),
        3,
        "two attempts, and one retry of the first callback"
    );
    assert!(calls.iter().all(|call| call.header("x-tag") == "mine"));
    assert!(
        calls
            .iter()
            .all(|call| call.header("content-type") == "application/json")
    );
    assert!(
        calls
            .iter()
            .all(|call| !call.header("upstash-signature").is_empty())
    );
    let mut bodies: Vec<_> = calls.iter().map(|call| call.json()).collect();
    bodies.sort_by_key(|body| body["retried"].as_u64());
    assert_eq!(bodies[0]["status"], 502);
    let last = &bodies[2];
    assert_eq!(last["status"], 201);
    assert_eq!(last["retried"], 1);
    assert_eq!(last["maxRetries"], 3);
    assert_eq!(last["sourceMessageId"], id);
    assert_eq!(last["url"], work);
    assert_eq!(last["method"], "POST");
    assert_eq!(decoded(&last["body"]), "made");
    assert_eq!(decoded(&last["sourceBody"]), "task");
    assert_eq!(last["sourceHeader"]["X-Tag"][0], "theirs");
    assert!(last["header"]["Content-Type"].is_array());
    assert!(last["createdAt"].is_string() && last["notBefore"].is_string());
    assert!(last.get("dlqId").is_none());
}

#[tokio::test]
async fn a_failure_callback_comes_once_and_names_the_dead_letter() {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|hit, _| match hit.path.as_str() {
        "/task" => StatusCode::IM_A_TEAPOT,
        _ => StatusCode::OK,
    })
    .await;
    let failure = format!("{}/dead", receiver.url);
    let headers = [
        ("upstash-retries", "1"),
        ("upstash-retry-delay", "1000"),
        ("upstash-failure-callback", failure.as_str()),
        ("upstash-failure-callback-method", "PUT"),
    ];
    let id = bench
        .publish(&format!("{}/task", receiver.url), &headers, "task")
        .await;
    bench.idle().await;
    let calls = receiver.at("/dead");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].method, "PUT");
    let body = calls[0].json();
    assert_eq!(body["status"], 418);
    assert_eq!(
        (&body["retried"], &body["maxRetries"]),
        (&1.into(), &1.into())
    );
    assert_eq!(body["sourceMessageId"], id);
    let letters = bench.dead_letters().await;
    assert_eq!(letters[0]["dlqId"], body["dlqId"]);
    assert_eq!((bench.qstash.delivered(), bench.qstash.failed()), (1, 1));
}
