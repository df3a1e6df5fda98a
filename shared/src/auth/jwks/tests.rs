use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::*;

/// An issuer in memory: how often it was asked, and what it answers.
#[derive(Default)]
struct Issuer {
    asked: AtomicU64,
    answer: Mutex<Option<Vec<u8>>>,
    delay: Mutex<Duration>,
}

impl Issuer {
    fn publish(&self, kids: &[&str]) {
        // 32 bytes of 2 are as good a key as any.
        let x = format!("{}AgI", "AgIC".repeat(10));
        let keys: Vec<_> = kids
            .iter()
            .map(|kid| json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x }))
            .collect();
        *self.answer.lock().unwrap() = Some(json!({ "keys": keys }).to_string().into_bytes());
    }

    fn answer(&self, text: Option<&str>) {
        *self.answer.lock().unwrap() = text.map(|text| text.as_bytes().to_vec());
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }
}

const PATIENT: Limits = Limits {
    patience: Duration::from_millis(50),
    max_age: Duration::from_secs(3600),
    burst: 3,
    every: Duration::from_secs(3600),
    every_without: Duration::from_secs(3600),
};

fn jwks(limits: Limits) -> (Arc<Issuer>, Jwks) {
    let issuer = Arc::new(Issuer::default());
    let there = Arc::clone(&issuer);
    let fetch: Fetch = Box::new(move |_| {
        let there = Arc::clone(&there);
        Box::pin(async move {
            there.asked.fetch_add(1, Ordering::Relaxed);
            let delay = *there.delay.lock().unwrap();
            tokio::time::sleep(delay).await;
            let answer = there.answer.lock().unwrap().clone();
            answer.ok_or_else(|| Error::new(Adapter::Issuer, ErrorKind::Busy, "down"))
        })
    });
    (issuer, Jwks::asking(fetch, limits))
}

async fn has(jwks: &Jwks, kid: &str) -> Option<bool> {
    jwks.find(kid).await.ok().map(|keys| keys.has(kid))
}

#[tokio::test]
async fn a_known_key_is_not_asked_for_again() {
    let (issuer, jwks) = jwks(PATIENT);
    issuer.publish(&["a"]);
    for _ in 0..100 {
        assert_eq!(has(&jwks, "a").await, Some(true));
    }
    jwks.warm().await;
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn a_new_key_is_found_and_made_up_ones_are_asked_for_a_few_times_only() {
    let (issuer, jwks) = jwks(PATIENT);
    issuer.publish(&["a"]);
    jwks.warm().await;
    issuer.publish(&["a", "b"]);
    assert_eq!(has(&jwks, "b").await, Some(true));
    for n in 0..1000 {
        assert_eq!(has(&jwks, &format!("junk {n}")).await, Some(false));
    }
    assert_eq!(issuer.asked(), u64::from(PATIENT.burst));
    assert_eq!(has(&jwks, "a").await, Some(true));
}

#[tokio::test]
async fn many_at_once_ask_once() {
    let (issuer, jwks) = jwks(PATIENT);
    issuer.publish(&["a"]);
    *issuer.delay.lock().unwrap() = Duration::from_millis(20);
    let all = (0..50).map(|n| {
        let (jwks, kid) = (&jwks, if n % 2 == 0 { "a" } else { "junk" });
        async move { has(jwks, kid).await }
    });
    let found = futures_util::future::join_all(all).await;
    assert!(found.iter().all(Option::is_some));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn an_aged_key_is_asked_for_and_one_that_was_taken_back_is_gone() {
    let (issuer, jwks) = jwks(Limits {
        max_age: Duration::ZERO,
        ..PATIENT
    });
    issuer.publish(&["a", "b"]);
    jwks.warm().await;
    issuer.publish(&["b"]);
    assert_eq!(has(&jwks, "a").await, Some(false));
}

#[tokio::test]
async fn while_the_issuer_is_away_known_keys_go_on() {
    for answer in [None, Some("<html>"), Some("{\"keys\": 7}")] {
        let (issuer, jwks) = jwks(Limits {
            max_age: Duration::ZERO,
            ..PATIENT
        });
        issuer.publish(&["a"]);
        jwks.warm().await;
        issuer.answer(answer);
        for _ in 0..100 {
            assert_eq!(has(&jwks, "a").await, Some(true));
            assert_eq!(has(&jwks, "b").await, Some(false));
        }
        assert_eq!(issuer.asked(), u64::from(PATIENT.burst));
    }
}

#[tokio::test]
async fn without_any_key_nobody_can_tell_and_the_issuer_is_asked_again_soon() {
    let (issuer, jwks) = jwks(Limits {
        burst: 1,
        every_without: Duration::from_millis(30),
        ..PATIENT
    });
    for _ in 0..100 {
        let error = jwks.find("a").await.err().unwrap();
        assert_eq!(error.adapter, Adapter::Issuer);
    }
    assert_eq!(issuer.asked(), 1);
    assert!(jwks.find("a").await.err().unwrap().retry_after.is_some());
    issuer.publish(&["a"]);
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(has(&jwks, "a").await, Some(true));
}

#[tokio::test]
async fn a_request_that_gives_up_leaves_the_line_to_the_next() {
    let (issuer, jwks) = jwks(PATIENT);
    issuer.publish(&["a"]);
    *issuer.delay.lock().unwrap() = Duration::from_secs(3600);
    let gone = tokio::time::timeout(Duration::from_millis(10), jwks.find("a")).await;
    assert!(gone.is_err());
    *issuer.delay.lock().unwrap() = Duration::ZERO;
    assert_eq!(has(&jwks, "a").await, Some(true));
}
