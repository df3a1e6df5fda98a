//! What a publisher sends and gets back.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Bench, Receiver, Settings};

#[tokio::test]
async fn a_message_arrives_as_it_was_published() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let headers = [
        ("content-type", "text/x-note"),
        ("upstash-method", "PUT"),
        ("upstash-forward-x-tag", "one"),
    ];
    let url = format!("{}/notes?a=1&b=%20", receiver.url);
    let id = bench.publish(&url, &headers, "hello").await;
    assert!(id.starts_with("msg_"));
    bench.idle().await;

    let hits = receiver.hits();
    assert_eq!(hits.len(), 1);
    let hit = &hits[0];
    assert_eq!(
        (hit.method.as_str(), hit.path.as_str()),
        ("PUT", "/notes?a=1&b=%20")
    );
    assert_eq!(hit.body, "hello");
    for (name, value) in [
        ("content-type", "text/x-note"),
        ("x-tag", "one"),
        ("upstash-message-id", id.as_str()),
        ("upstash-retried", "0"),
        ("upstash-caller-ip", "127.0.0.1"),
        ("user-agent", "Upstash-QStash"),
        ("authorization", ""),
    ] {
        assert_eq!(hit.header(name), value, "{name}");
    }
    assert_eq!(bench.qstash.delivered(), 1);
}

#[tokio::test]
async fn an_encoded_destination_is_understood() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let url = receiver.url.replace(':', "%3A").replace('/', "%2F");
    bench.publish(&format!("{url}%2Fjobs"), &[], "").await;
    bench.idle().await;
    assert_eq!(receiver.at("/jobs").len(), 1);
}

#[tokio::test]
async fn a_group_fans_out_and_answers_an_array() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let endpoints = json!({ "endpoints": [
        { "name": "embed", "url": format!("{}/embed", receiver.url) },
        { "url": format!("{}/mem0", receiver.url) },
    ] });
    let path = "/v2/topics/memory.sync/endpoints";
    assert_eq!(
        bench.call("POST", path, &[], endpoints.to_string()).await.0,
        415
    );
    let json = [("content-type", "application/json")];
    assert_eq!(
        bench
            .call("POST", path, &json, endpoints.to_string())
            .await
            .0,
        200
    );
    let group = bench.get("/v2/topics/memory.sync").await;
    assert_eq!(group["endpoints"], endpoints["endpoints"]);
    assert_eq!(
        bench.get("/v2/topics").await.as_array().map(Vec::len),
        Some(1)
    );

    let (_, answer) = bench
        .call("POST", "/v2/publish/memory.sync", &[], "{}")
        .await;
    let answer = answer.as_array().expect("an array").clone();
    assert_eq!(answer.len(), 2);
    assert_eq!(answer[0]["url"], endpoints["endpoints"][0]["url"]);
    bench.idle().await;
    for (path, receipt) in [("/embed", &answer[0]), ("/mem0", &answer[1])] {
        let hits = receiver.at(path);
        assert_eq!(hits.len(), 1, "{path}");
        assert_eq!(hits[0].header("upstash-topic-name"), "memory.sync");
        assert_eq!(receipt["messageId"], hits[0].header("upstash-message-id"));
    }

    let gone = json!({ "endpoints": [{ "name": "embed" }] }).to_string();
    assert_eq!(bench.call("DELETE", path, &json, gone).await.0, 200);
    let group = bench.get("/v2/topics/memory.sync").await;
    assert_eq!(group["endpoints"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        bench
            .call("DELETE", "/v2/topics/memory.sync", &[], "")
            .await
            .0,
        200
    );
    assert_eq!(
        bench.call("GET", "/v2/topics/memory.sync", &[], "").await.0,
        404
    );
    assert_eq!(
        bench
            .call("POST", "/v2/publish/memory.sync", &[], "")
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn a_batch_answers_message_by_message() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let endpoint = json!({ "endpoints": [{ "url": format!("{}/g", receiver.url) }] });
    let json = [("content-type", "application/json")];
    bench
        .call(
            "POST",
            "/v2/topics/g/endpoints",
            &json,
            endpoint.to_string(),
        )
        .await;
    let batch = json!([
        { "destination": format!("{}/a", receiver.url), "body": "one",
          "headers": { "Upstash-Forward-X-Tag": "a", "Content-Type": "text/plain" } },
        { "destination": "g" },
        { "destination": "no-such-group" },
        { "destination": format!("{}/q", receiver.url), "queue": "line", "body": null },
    ]);
    let (status, answer) = bench
        .call("POST", "/v2/batch", &[], batch.to_string())
        .await;
    assert_eq!(status, 200);
    assert!(answer[0]["messageId"].is_string());
    assert!(answer[1][0]["messageId"].is_string());
    assert!(answer[2]["error"].is_string());
    assert!(answer[3]["messageId"].is_string());
    bench.idle().await;
    let hit = &receiver.at("/a")[0];
    assert_eq!(
        (hit.header("x-tag"), hit.header("content-type")),
        ("a", "text/plain")
    );
    assert_eq!(hit.body, "one");
    assert_eq!((receiver.at("/g").len(), receiver.at("/q").len()), (1, 1));
    assert_eq!(bench.call("POST", "/v2/batch", &[], "{").await.0, 400);
}

#[tokio::test]
async fn a_repeat_within_the_window_is_not_sent() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let path = format!("/v2/publish/{}/d", receiver.url);
    let by_id = [("upstash-deduplication-id", "job-1")];
    let (_, first) = bench.call("POST", &path, &by_id, "1").await;
    let (status, second) = bench.call("POST", &path, &by_id, "2").await;
    assert_eq!(status, 202);
    assert_eq!(
        second,
        json!({ "messageId": first["messageId"], "deduplicated": true })
    );
    assert_eq!(first.get("deduplicated"), None);

    let by_content = [("upstash-content-based-deduplication", "true")];
    for (body, status) in [("same", 200), ("same", 202), ("other", 200)] {
        assert_eq!(
            bench.call("POST", &path, &by_content, body).await.0,
            status,
            "{body}"
        );
    }
    bench.idle().await;
    assert_eq!(receiver.hits().len(), 3);
}

#[tokio::test]
async fn a_waiting_message_can_be_seen_and_cancelled() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let delay = [("upstash-delay", "1h"), ("upstash-label", "a,b")];
    let id = bench.publish(&receiver.url, &delay, "wait").await;
    let message = bench.get(&format!("/v2/messages/{id}")).await;
    assert_eq!(message["body"], "wait");
    assert_eq!(message["maxRetries"], 3);
    assert_eq!(message["labels"], json!(["a", "b"]));
    let ms = |name: &str| message[name].as_u64().expect("a time");
    let early = ms("notBefore") - ms("createdAt");
    assert!((3_599_000..=3_600_000).contains(&early), "{early}");

    let path = format!("/v2/messages/{id}");
    assert_eq!(bench.call("DELETE", &path, &[], "").await.0, 200);
    assert_eq!(bench.call("DELETE", &path, &[], "").await.0, 404);
    assert_eq!(bench.call("GET", &path, &[], "").await.0, 404);
    for _ in 0..3 {
        bench.publish(&receiver.url, &delay, "").await;
    }
    let (_, answer) = bench.call("DELETE", "/v2/messages?label=b", &[], "").await;
    assert_eq!(answer["cancelled"], 3);
    bench.idle().await;
    assert_eq!(receiver.hits().len(), 0);
}

#[tokio::test]
async fn what_happened_is_in_the_log() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let id = bench.publish(&receiver.url, &[], "").await;
    bench.idle().await;
    for (path, name) in [("/v2/logs", "logs"), ("/v2/events", "events")] {
        let page = bench.get(&format!("{path}?messageId={id}")).await;
        let states: Vec<&Value> = page[name]
            .as_array()
            .expect("entries")
            .iter()
            .map(|entry| &entry["state"])
            .collect();
        assert_eq!(states, ["DELIVERED", "ACTIVE", "CREATED"]);
    }
}

#[tokio::test]
async fn bad_requests_are_refused_with_a_reason() {
    let bench = Bench::with(Settings {
        max_body: 10,
        ..Settings::default()
    })
    .await;
    let publish = "/v2/publish/http://127.0.0.1:9";
    for (path, headers, body, status) in [
        ("/v2/publish/example.com", vec![], "", 400),
        ("/v2/publish/ftp://example.com", vec![], "", 400),
        (publish, vec![("upstash-delay", "soon")], "", 400),
        (publish, vec![("upstash-callback-delay", "soon")], "", 400),
        (publish, vec![], "more than ten", 413),
        ("/v2/nothing", vec![], "", 404),
    ] {
        let (got, answer) = bench.call("POST", path, &headers, body).await;
        assert_eq!(got, status, "{path} {headers:?}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    let anonymous = bench.http.post(format!("{}{publish}", bench.qstash.url()));
    for request in [
        anonymous.try_clone().expect("request"),
        anonymous.bearer_auth("wrong"),
    ] {
        let answer = request.send().await.expect("answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let body: Value = answer.json().await.expect("JSON");
        assert!(body["error"].is_string());
    }
}
