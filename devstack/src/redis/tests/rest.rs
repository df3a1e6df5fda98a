//! The contract of Upstash's REST API.

use serde_json::{Value, json};

use super::{call, post, started};
use crate::redis::Redis;

const BASE64: (&str, &str) = ("upstash-encoding", "base64");

async fn result(redis: &Redis, command: Value) -> Value {
    let (status, answer) = post(redis, "/", command).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn each_kind_of_reply_has_its_json() {
    let Some(redis) = started().await else { return };
    for (command, expected) in [
        (json!(["SET", "k", "wörd \"\n"]), json!("OK")),
        (json!(["get", "k"]), json!("wörd \"\n")),
        (json!(["GET", "nothing"]), Value::Null),
        (json!(["INCRBY", "n", 41]), json!(41)),
        (json!(["SET", "yes", true]), json!("OK")),
        (json!(["RPUSH", "l", "a", "b"]), json!(2)),
        (json!(["LRANGE", "l", 0, -1]), json!(["a", "b"])),
        (json!(["LRANGE", "none", 0, -1]), json!([])),
        (json!(["MGET", "yes", "nothing"]), json!(["true", null])),
        (json!(["PING"]), json!("PONG")),
        (json!(["SET", "k", "x", "NX"]), Value::Null),
        (
            json!(["EVAL", "return {1, 'a', {false, 2}}", 0]),
            json!([1, "a", [null, 2]]),
        ),
    ] {
        assert_eq!(result(&redis, command.clone()).await, expected, "{command}");
    }
    redis.stop().await;
}

#[tokio::test]
async fn what_redis_refuses_is_a_400_with_its_words() {
    let Some(redis) = started().await else { return };
    redis.command(&["SET", "k", "v"]).await;
    for (path, body, said) in [
        ("/", "[\"LPUSH\", \"k\", \"v\"]", "WRONGTYPE"),
        ("/", "[\"NOPE\"]", "ERR unknown command"),
        ("/", "[\"GET\"]", "ERR wrong number"),
        ("/", "[\"get\", {\"a\": 1}]", "ERR failed to parse"),
        ("/", "{}", "ERR failed to parse"),
        ("/", "GET k", "ERR failed to parse"),
        ("/", "[]", "ERR empty command"),
        (
            "/",
            "[\"subscribe\", \"c\"]",
            "ERR Command is not available",
        ),
        (
            "/",
            "[\"CONFIG\", \"GET\", \"requirepass\"]",
            "ERR Command is not available",
        ),
        ("/pipeline", "[]", "ERR empty pipeline"),
        ("/pipeline", "[\"GET\", \"k\"]", "ERR failed to parse"),
        ("/nope/a", "", "ERR unknown command"),
    ] {
        let (status, answer) = call(&redis, "POST", path, &[], body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(status, 400, "{path} {body}");
        assert!(error.starts_with(said), "{path} {body}: {error}");
    }
    assert_eq!(call(&redis, "DELETE", "/get/k", &[], "").await.0, 405);
    redis.stop().await;
}

#[tokio::test]
async fn only_the_token_lets_in() {
    let Some(redis) = started().await else { return };
    let client = reqwest::Client::new();
    let url = format!("{}/ping", redis.url());
    for request in [client.get(&url), client.get(&url).bearer_auth("wrong")] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer, json!({ "error": "Unauthorized" }));
    }
    let by_parameter = client.get(format!("{url}?_token={}", redis.token()));
    let answer: Value = by_parameter.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({ "result": "PONG" }));
    redis.stop().await;
}

#[tokio::test]
async fn a_path_is_a_command_and_a_body_and_parameters_follow_it() {
    let Some(redis) = started().await else { return };
    for (method, path, body, expected) in [
        ("GET", "/set/a%20key/a%2Fvalue", "", json!("OK")),
        ("GET", "/get/a%20key", "", json!("a/value")),
        ("POST", "/set/k?EX=100&NX", "the body", json!("OK")),
        ("PUT", "/get/k", "", json!("the body")),
        ("POST", "/ttl/k", "", json!(100)),
    ] {
        let (status, answer) = call(&redis, method, path, &[], body).await;
        assert_eq!((status, &answer["result"]), (200, &expected), "{path}");
    }
    redis.stop().await;
}

#[tokio::test]
async fn a_pipeline_goes_on_after_an_error_and_a_transaction_that_cannot_begin_does_nothing() {
    let Some(redis) = started().await else { return };
    let commands = json!([["SET", "k", "v"], ["INCR", "k"], ["GET", "k"]]);
    for path in ["/pipeline", "/multi-exec"] {
        let (status, answer) = post(&redis, path, commands.clone()).await;
        assert_eq!(status, 200);
        assert_eq!(answer[0], json!({ "result": "OK" }));
        let error = answer[1]["error"].as_str().unwrap();
        assert!(error.starts_with("ERR value is not an integer"), "{error}");
        assert_eq!(answer[2], json!({ "result": "v" }));
    }
    let commands = json!([["SET", "k", "changed"], ["NOPE"]]);
    let (status, answer) = post(&redis, "/multi-exec", commands).await;
    assert_eq!(status, 400);
    let error = answer["error"].as_str().unwrap();
    assert!(error.starts_with("ERR unknown command"), "{error}");
    assert_eq!(redis.command(&["GET", "k"]).await, "v");
    redis.stop().await;
}

#[tokio::test]
async fn base64_is_for_every_text_but_ok() {
    let Some(redis) = started().await else { return };
    let commands = json!([
        ["SET", "k", "v"],
        ["GET", "k"],
        ["MGET", "k", "x"],
        ["INCR", "n"],
        ["NOPE"]
    ]);
    let (_, answer) = call(&redis, "POST", "/pipeline", &[BASE64], commands.to_string()).await;
    assert_eq!(answer[0], json!({ "result": "OK" }));
    assert_eq!(answer[1], json!({ "result": "dg==" }));
    assert_eq!(answer[2], json!({ "result": ["dg==", null] }));
    assert_eq!(answer[3], json!({ "result": 1 }));
    assert!(answer[4]["error"].as_str().unwrap().starts_with("ERR"));
    // Bytes that are no text survive in this way only.
    let (_, answer) = call(&redis, "POST", "/set/b", &[], vec![0xff, 0]).await;
    assert_eq!(answer, json!({ "result": "OK" }));
    let (_, answer) = call(&redis, "GET", "/get/b", &[BASE64], "").await;
    assert_eq!(answer, json!({ "result": "/wA=" }));
    redis.stop().await;
}

#[tokio::test]
async fn a_script_with_upstashs_own_flag_runs_by_text_and_by_the_hash_of_that_text() {
    let Some(redis) = started().await else { return };
    let script = "#!lua flags=allow-key-locking\nreturn ARGV[1]";
    let hash = "2a96d6016fefc2029195d631c5a8e09ec967c245";
    let by_hash = json!(["EVALSHA", hash.to_uppercase(), 0, "a"]);
    let (status, answer) = post(&redis, "/", by_hash.clone()).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().starts_with("NOSCRIPT"));
    assert_eq!(result(&redis, json!(["EVAL", script, 0, "a"])).await, "a");
    assert_eq!(result(&redis, by_hash).await, "a");
    let exists = json!(["SCRIPT", "EXISTS", hash, "00"]);
    assert_eq!(result(&redis, exists).await, json!([1, 0]));
    redis.stop().await;
}

#[tokio::test]
async fn large_values_and_many_requests_at_once_are_kept_apart() {
    let Some(redis) = started().await else { return };
    let redis = std::sync::Arc::new(redis);
    let tasks: Vec<_> = (0..40)
        .map(|n: usize| {
            let redis = std::sync::Arc::clone(&redis);
            tokio::spawn(async move {
                let value = format!("{n} ").repeat(n * 1000 + 1);
                let commands = json!([["SET", n, value], ["GET", n]]);
                let (_, answer) = post(&redis, "/pipeline", commands).await;
                assert!(answer[1]["result"] == value.as_str(), "{n}");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(redis.faults().requests(), 40);
}
