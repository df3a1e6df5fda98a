//! TLS, faults on purpose, and stopping.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::http::StatusCode;

use super::{Bench, Receiver, Settings, lock};
use crate::{
    certificates::{Authority, PKCS12_PASSWORD},
    qstash::{
        Qstash, TlsIdentity,
        faults::{Attempt, DeliveryFault, Faults, PublishFault},
    },
};

/// Plays one fault of each kind, then behaves.
#[derive(Default)]
struct Script {
    publish: Mutex<Option<PublishFault>>,
    deliver: Mutex<Option<DeliveryFault>>,
}

impl Faults for Script {
    fn publish(&self, _destinations: &[String]) -> PublishFault {
        lock(&self.publish).take().unwrap_or(PublishFault::None)
    }

    fn deliver(&self, _attempt: &Attempt<'_>) -> DeliveryFault {
        lock(&self.deliver).take().unwrap_or(DeliveryFault::None)
    }
}

async fn faulty(script: Script) -> (Bench, Receiver) {
    let faults = Arc::new(script);
    let bench = Bench::with(Settings {
        faults,
        ..Settings::default()
    })
    .await;
    (bench, Receiver::ok().await)
}

async fn publish_under(fault: PublishFault) -> (Option<StatusCode>, usize) {
    let script = Script {
        publish: Mutex::new(Some(fault)),
        ..Script::default()
    };
    let (bench, receiver) = faulty(script).await;
    let answer = bench
        .http
        .post(format!(
            "{}/v2/publish/{}",
            bench.qstash.url(),
            receiver.url
        ))
        .bearer_auth(bench.qstash.token())
        .timeout(Duration::from_secs(1))
        .send()
        .await;
    bench.idle().await;
    (
        answer.ok().map(|answer| answer.status()),
        receiver.hits().len(),
    )
}

#[tokio::test]
async fn a_publish_can_fail_hang_be_late_or_lose_its_reply() {
    assert_eq!(
        publish_under(PublishFault::Fail(500)).await,
        (Some(StatusCode::INTERNAL_SERVER_ERROR), 0)
    );
    assert_eq!(publish_under(PublishFault::Hang).await, (None, 0));
    assert_eq!(publish_under(PublishFault::LoseReply).await, (None, 1));
    assert_eq!(
        publish_under(PublishFault::Delay(Duration::from_millis(50))).await,
        (Some(StatusCode::OK), 1)
    );
}

#[tokio::test]
async fn a_delivery_can_fail_be_late_be_doubled_or_lose_its_reply() {
    for (fault, hits) in [
        (DeliveryFault::Fail, 1),
        (DeliveryFault::Delay(Duration::from_millis(20)), 1),
        (DeliveryFault::Twice, 2),
        (DeliveryFault::Again, 2),
        (DeliveryFault::LoseReply, 2),
    ] {
        let script = Script {
            deliver: Mutex::new(Some(fault.clone())),
            ..Script::default()
        };
        let (bench, receiver) = faulty(script).await;
        bench
            .publish(&receiver.url, &[("upstash-retry-delay", "1")], "")
            .await;
        bench.idle().await;
        assert_eq!(receiver.hits().len(), hits, "{fault:?}");
        assert_eq!(bench.qstash.delivered(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn it_serves_tls_with_a_given_identity() {
    let authority = Authority::create().expect("an authority");
    let issued = authority.issue("127.0.0.1").expect("a certificate");
    let tls = Some(TlsIdentity::Pkcs12 {
        der: issued.pkcs12,
        password: PKCS12_PASSWORD.to_owned(),
    });
    let qstash = Qstash::start(Settings {
        tls,
        ..Settings::default()
    })
    .await
    .expect("an emulator");
    assert!(qstash.url().starts_with("https://127.0.0.1:"));
    let root = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).expect("certificate");
    let http = reqwest::Client::builder()
        .tls_certs_merge([root])
        .build()
        .expect("client");
    let url = format!("{}/v2/keys", qstash.url());
    let answer = http.get(&url).bearer_auth(qstash.token()).send().await;
    assert_eq!(answer.expect("answer").status(), StatusCode::OK);
    assert!(
        reqwest::get(&url).await.is_err(),
        "an unknown root is refused"
    );
    qstash.stop().await;
}

#[tokio::test]
async fn stopping_lets_a_delivery_end_and_drops_what_waits() {
    let bench = Bench::start().await;
    let receiver = Receiver::slow(Duration::from_millis(200), |_, _| StatusCode::OK).await;
    bench
        .publish(&format!("{}/now", receiver.url), &[], "")
        .await;
    bench
        .publish(
            &format!("{}/later", receiver.url),
            &[("upstash-delay", "1h")],
            "",
        )
        .await;
    receiver.until(1).await;
    let (begin, url, core) = (
        Instant::now(),
        bench.qstash.url().to_owned(),
        Arc::clone(&bench.qstash.core),
    );
    bench.qstash.stop().await;
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(core.delivered.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(receiver.at("/later").len(), 0);
    assert!(reqwest::get(url).await.is_err(), "the port is closed");
}
