//! Attempts, retries and signatures.

use std::time::Duration;

use axum::http::StatusCode;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use super::{Bench, Hit, Receiver};

fn gaps(hits: &[Hit]) -> Vec<Duration> {
    hits.windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect()
}

fn assert_about(gap: Duration, millis: u64) {
    let millis = Duration::from_millis(millis);
    // The upper bound is loose, for a machine that is busy.
    assert!(
        gap >= millis && gap < millis * 2 + Duration::from_millis(1_500),
        "{gap:?} for {millis:?}"
    );
}

#[tokio::test]
async fn failures_are_retried_by_the_documented_backoff() {
    let bench = Bench::with(super::Settings {
        time_scale: 0.001,
        ..Default::default()
    })
    .await;
    let receiver = Receiver::start(|_, before| match before {
        0 => StatusCode::INTERNAL_SERVER_ERROR,
        1 => StatusCode::NOT_FOUND,
        _ => StatusCode::NO_CONTENT,
    })
    .await;
    bench.publish(&receiver.url, &[], "").await;
    bench.idle().await;
    let hits = receiver.hits();
    let retried: Vec<&str> = hits
        .iter()
        .map(|hit| hit.header("upstash-retried"))
        .collect();
    assert_eq!(retried, ["0", "1", "2"]);
    // 12.2 s and 148.4 s, a thousandth.
    assert_about(gaps(&hits)[0], 12);
    assert_about(gaps(&hits)[1], 148);
    assert_eq!((bench.qstash.delivered(), bench.qstash.failed()), (1, 0));
}

#[tokio::test]
async fn an_expression_sets_the_wait_and_the_destination_overrides_it() {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|hit, before| {
        let override_it = hit.path == "/asks" && before == 0;
        let wait = if override_it { "20" } else { "" };
        (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", wait)])
    })
    .await;
    let headers = [
        ("upstash-retries", "2"),
        ("upstash-retry-delay", "pow(2, retried) * 5000"),
    ];
    bench
        .publish(&format!("{}/plain", receiver.url), &headers, "")
        .await;
    bench
        .publish(&format!("{}/asks", receiver.url), &headers, "")
        .await;
    bench.idle().await;
    let plain = gaps(&receiver.at("/plain"));
    assert_eq!(plain.len(), 2);
    assert_about(plain[0], 50);
    assert_about(plain[1], 100);
    assert_about(gaps(&receiver.at("/asks"))[0], 200);
    assert_eq!(bench.dead_letters().await.len(), 2);
}

#[tokio::test]
async fn status_489_gives_up_at_once_only_with_its_header() {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|hit, _| {
        let marked = (hit.path == "/final").to_string();
        let status = StatusCode::from_u16(489).expect("status");
        (status, [("upstash-nonretryable-error", marked)], "no use")
    })
    .await;
    let headers = [("upstash-retries", "1"), ("upstash-retry-delay", "1")];
    bench
        .publish(&format!("{}/final", receiver.url), &headers, "")
        .await;
    bench
        .publish(&format!("{}/other", receiver.url), &headers, "")
        .await;
    bench.idle().await;
    assert_eq!(receiver.at("/final").len(), 1);
    assert_eq!(receiver.at("/other").len(), 2);
    let letters = bench.dead_letters().await;
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0]["responseStatus"], 489);
    assert_eq!(letters[0]["responseBody"], "no use");
}

#[tokio::test]
async fn no_answer_is_a_failure_too() {
    let bench = Bench::start().await;
    let receiver = Receiver::slow(Duration::from_secs(5), |_, _| StatusCode::OK).await;
    let headers = [("upstash-retries", "0"), ("upstash-timeout", "100ms")];
    bench.publish(&receiver.url, &headers, "").await;
    bench
        .publish("http://127.0.0.1:9/closed", &headers, "")
        .await;
    bench.idle().await;
    let letters = bench.dead_letters().await;
    assert_eq!(letters.len(), 2);
    for letter in letters {
        assert_eq!(letter["responseStatus"], 0);
        assert_ne!(letter["responseBody"], "");
    }
}

#[tokio::test]
async fn a_delay_is_kept_and_scaled() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let begin = std::time::Instant::now();
    bench
        .publish(&receiver.url, &[("upstash-delay", "20s")], "")
        .await;
    bench
        .publish(&receiver.url, &[("upstash-not-before", "1")], "past")
        .await;
    bench.idle().await;
    let hits = receiver.hits();
    assert_eq!(hits[0].body, "past");
    assert_about(hits[1].at - begin, 200);
}

#[tokio::test]
async fn every_delivery_is_signed_with_the_current_key() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let url = format!("{}/signed?x=1", receiver.url);
    let before = bench.qstash.signing_keys();
    bench.publish(&url, &[], "raw \u{1f980}").await;
    bench.idle().await;
    let (_, rotated) = bench.call("POST", "/v2/keys/rotate", &[], "").await;
    assert_eq!(rotated["current"], before.next);
    bench.publish(&url, &[], "").await;
    bench.idle().await;

    for (hit, key) in receiver.hits().iter().zip([before.current, before.next]) {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&["Upstash"]);
        let key = DecodingKey::from_secret(key.as_bytes());
        let token = hit.header("upstash-signature");
        let claims = jsonwebtoken::decode::<Value>(token, &key, &rules);
        assert_eq!(
            claims.expect("a valid signature").claims["sub"],
            url.as_str()
        );
    }
}
