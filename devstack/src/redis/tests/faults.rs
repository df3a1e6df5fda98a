//! Redis's bad days, and its end.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use axum::http::StatusCode;
use serde_json::json;

use super::{post, started};
use crate::redis::{Fault, Redis, Settings};

#[tokio::test]
async fn each_fault_lasts_until_it_is_ended_and_nothing_is_done_meanwhile() {
    let Some(redis) = started().await else { return };
    // One client, so that it keeps its connection.
    let client = reqwest::Client::new();
    let set = || {
        client
            .post(redis.url())
            .bearer_auth(redis.token())
            .body("[\"INCR\", \"n\"]")
            .send()
    };
    assert_eq!(set().await.unwrap().status(), 200);

    redis.faults().set(Fault::Cut);
    for _ in 0..3 {
        assert!(!set().await.unwrap_err().is_timeout());
    }
    redis.faults().set(Fault::Fail(StatusCode::BAD_GATEWAY));
    assert_eq!(set().await.unwrap().status(), 502);
    redis.faults().set(Fault::Garble("<html>".to_owned()));
    let garbled = set().await.unwrap();
    assert_eq!(garbled.status(), 200);
    assert_eq!(garbled.text().await.unwrap(), "<html>");
    assert_eq!(redis.command(&["GET", "n"]).await, "1");

    redis.faults().set(Fault::Hang);
    let hanging = tokio::spawn(set());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!hanging.is_finished());
    assert_eq!(redis.command(&["GET", "n"]).await, "1");
    redis.faults().set(Fault::None);
    assert_eq!(hanging.await.unwrap().unwrap().status(), 200);
    assert_eq!(redis.command(&["GET", "n"]).await, "2");
    redis.stop().await;
}

#[tokio::test]
async fn its_end_is_the_end_of_both_and_its_port_can_be_had_again() {
    let Some(redis) = started().await else { return };
    let (port, process) = (redis.port(), running(&redis));
    post(&redis, "/", json!(["SET", "k", "v"])).await;
    assert!(process.exists());
    redis.stop().await;
    assert!(!process.exists());

    let settings = Settings {
        port: Some(port),
        ..Settings::default()
    };
    let again = Redis::start(settings).await.unwrap();
    assert_eq!(again.port(), port);
    assert!(again.command(&["GET", "k"]).await.is_null());
    let process = running(&again);
    drop(again);
    assert!(!process.exists());
}

/// Where Linux shows the process; elsewhere a place that is always or never there proves nothing.
fn running(redis: &Redis) -> PathBuf {
    Path::new("/proc").join(redis.pid().to_string())
}
