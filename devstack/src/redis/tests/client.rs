//! The service's own client against the local Redis.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::http::StatusCode;
use memory_orchestrator::{
    adapters::{ErrorKind, http::Outbound, upstash::redis::Redis as Client},
    config,
    domain::deadline::Deadline,
};

use super::started;
use crate::redis::{Fault, Redis};

pub(super) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

pub(super) fn client(redis: &Redis, token: &str) -> Client {
    let config = config::Redis {
        url: redis.url().to_owned(),
        token: config::Secret::new(token),
    };
    Client::new(config, Arc::new(Outbound::new(None)))
}

#[tokio::test]
async fn what_is_set_is_got_until_its_time_is_up_or_it_is_removed() {
    let Some(redis) = started().await else { return };
    let client = client(&redis, redis.token());
    client.warm(soon()).await;
    assert_eq!(client.get("k", soon()).await.unwrap(), None);
    let text = "wörd \u{0} \"\n";
    let long = Duration::from_secs(100);
    client.set_ex("k", text, long, soon()).await.unwrap();
    let got = client.get("k", soon()).await.unwrap();
    assert_eq!(got.as_deref(), Some(text));
    assert_eq!(redis.command(&["TTL", "k"]).await, 100);
    assert_eq!(client.del(&["k", "other"], soon()).await.unwrap(), 1);
    assert_eq!(client.del(&[], soon()).await.unwrap(), 0);
    assert_eq!(client.get("k", soon()).await.unwrap(), None);

    let short = Duration::from_millis(20);
    client.set_ex("k", text, short, soon()).await.unwrap();
    tokio::time::sleep(short * 2).await;
    assert_eq!(client.get("k", soon()).await.unwrap(), None);
    redis.stop().await;
}

#[tokio::test]
async fn a_pipeline_is_one_request_and_each_command_of_it_may_fail_alone() {
    let Some(redis) = started().await else { return };
    let client = client(&redis, redis.token());
    redis.command(&["RPUSH", "list", "rubbish"]).await;
    let before = redis.faults().requests();
    let commands: [&[&str]; 3] = [&["INCR", "n"], &["GET", "list"], &["GET", "n"]];
    let results = client.pipeline("test", &commands, soon()).await.unwrap();
    assert_eq!(redis.faults().requests() - before, 1);
    assert_eq!(results[0].as_ref().unwrap(), 1);
    let error = results[1].as_ref().unwrap_err();
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (ErrorKind::Refused, "WRONGTYPE")
    );
    assert_eq!(results[2].as_ref().unwrap(), "1");
    redis.stop().await;
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart_and_in_time() {
    let Some(redis) = started().await else { return };
    let stranger = client(&redis, "wrong");
    let refused = stranger.get("k", soon()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied);

    let client = client(&redis, redis.token());
    for (fault, kind) in [
        (Fault::Garble("<html>".to_owned()), ErrorKind::Malformed),
        (Fault::Garble("[]".to_owned()), ErrorKind::Malformed),
        (
            Fault::Garble("[{\"result\": 7}]".to_owned()),
            ErrorKind::Malformed,
        ),
        (Fault::Fail(StatusCode::BAD_GATEWAY), ErrorKind::Busy),
        (Fault::Fail(StatusCode::BAD_REQUEST), ErrorKind::Refused),
        (Fault::Cut, ErrorKind::Unreachable),
        (Fault::Hang, ErrorKind::Timeout),
    ] {
        redis.faults().set(fault.clone());
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_millis(200));
        let error = client.get("k", deadline).await.unwrap_err();
        assert_eq!(error.kind, kind, "{fault:?}");
        assert!(start.elapsed() < Duration::from_secs(2), "{fault:?}");
    }
    redis.faults().set(Fault::None);
    assert_eq!(client.get("k", soon()).await.unwrap(), None);
    redis.stop().await;
    let gone = client.get("k", soon()).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::Unreachable);
}
