//! What a deployment of the service asks of QStash: its pace, its retries, and to be told of the end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use memory_orchestrator::{
    adapters::{ErrorKind, upstash::qstash::Pace},
    auth::qstash_signature::verify,
    config,
    domain::job::Delivery,
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Bench, Receiver,
    client::{client, client_at, delivery, soon},
    decoded,
};
use crate::qstash::{Settings, faults::Outage};

const EMBED: &str = "/api/jobs/embed";
const DEAD_LETTER: &str = "/api/jobs/dead-letter";

/// An emulator, and a deployment that answers its embedding jobs like this.
async fn deployed<R: IntoResponse>(
    time_scale: f64,
    answer: impl Fn(usize) -> R + Clone + Send + Sync + 'static,
) -> (Bench, Receiver) {
    let settings = Settings {
        time_scale,
        ..Settings::default()
    };
    let bench = Bench::with(settings).await;
    let receiver = Receiver::start(move |hit, before| -> Response {
        if hit.path == EMBED {
            answer(before).into_response()
        } else {
            StatusCode::OK.into_response()
        }
    })
    .await;
    client(&bench.qstash, bench.qstash.token())
        .subscribe(&[&format!("{}{EMBED}", receiver.url)], soon())
        .await
        .unwrap();
    (bench, receiver)
}

/// Publishes as the deployment does.
async fn publish(bench: &Bench, receiver: &Receiver, deliveries: &[Delivery], pace: Pace) {
    client_at(&receiver.url, &bench.qstash, bench.qstash.token())
        .publish(deliveries, pace, soon())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_message_says_how_often_how_fast_and_whom_to_tell() {
    let (bench, receiver) =
        deployed(0.0001, |_| (StatusCode::INTERNAL_SERVER_ERROR, "no reason")).await;
    publish(&bench, &receiver, &[delivery(1)], Pace::Live).await;
    publish(
        &bench,
        &receiver,
        &[delivery(2), delivery(3)],
        Pace::Backfill,
    )
    .await;
    bench.idle().await;

    // One attempt and three more, of each of three.
    assert_eq!(receiver.at(EMBED).len(), 12);
    let letters = bench.dead_letters().await;
    assert_eq!(letters.len(), 3);
    let user = Uuid::from_u128(7);
    let dead_letter = format!("{}{DEAD_LETTER}", receiver.url);
    for letter in &letters {
        assert_eq!(letter["maxRetries"], 3);
        assert_eq!(
            letter["retryDelayExpression"],
            "min(900000, pow(3, retried) * 10000)"
        );
        assert_eq!(letter["label"], "memory");
        assert_eq!(letter["topicName"], "memory.sync");
        assert_eq!(letter["failureCallback"], *dead_letter);
        let live = letter["body"].as_str().unwrap().contains(r#""embed":1"#);
        if live {
            assert_eq!(letter["flowControlKey"], format!("memory-{user}"));
            assert_eq!(letter["parallelism"], 4);
            assert_eq!(letter["rate"], Value::Null);
        } else {
            assert_eq!(letter["flowControlKey"], format!("memory-backfill-{user}"));
            assert_eq!(letter["parallelism"], 1);
            assert_eq!(
                (&letter["rate"], &letter["period"]),
                (&30.into(), &60.into())
            );
        }
    }
}

#[tokio::test]
async fn what_is_given_up_is_told_to_the_dead_letter_job() {
    let (bench, receiver) =
        deployed(0.0001, |_| (StatusCode::INTERNAL_SERVER_ERROR, "no reason")).await;
    publish(&bench, &receiver, &[delivery(1)], Pace::Live).await;
    bench.idle().await;

    let [call] = &receiver.at(DEAD_LETTER)[..] else {
        panic!("told {} times", receiver.at(DEAD_LETTER).len());
    };
    let keys = [config::Secret::new(bench.qstash.signing_keys().current)];
    let address = format!("{}{DEAD_LETTER}", receiver.url);
    verify(&keys, &call.headers, &address, &call.body).unwrap();
    let body = call.json();
    assert_eq!(body["status"], 500);
    assert_eq!(decoded(&body["body"]), "no reason");
    assert_eq!(
        (&body["retried"], &body["maxRetries"]),
        (&3.into(), &3.into())
    );
    assert_eq!(body["topicName"], "memory.sync");
    assert_eq!(body["url"], format!("{}{EMBED}", receiver.url));
    assert_eq!(body["method"], "POST");
    assert_eq!(body["sourceHeader"]["Content-Type"][0], "application/json");
    assert!(body["header"]["Content-Type"].is_array());
    assert!(body["createdAt"].is_string() && body["sourceMessageId"].is_string());
    assert_eq!(body["dlqId"], bench.dead_letters().await[0]["dlqId"]);
    let source: Delivery = serde_json::from_str(&decoded(&body["sourceBody"])).unwrap();
    assert_eq!(source, delivery(1));
}

#[tokio::test]
async fn what_can_never_succeed_is_told_after_one_attempt() {
    let (bench, receiver) = deployed(0.01, |_| {
        let never = [("upstash-nonretryable-error", "true")];
        (StatusCode::from_u16(489).unwrap(), never, "poison")
    })
    .await;
    publish(&bench, &receiver, &[delivery(1)], Pace::Live).await;
    bench.idle().await;
    assert_eq!(receiver.at(EMBED).len(), 1);
    let told = receiver.at(DEAD_LETTER)[0].json();
    assert_eq!(
        (&told["status"], &told["retried"]),
        (&489.into(), &0.into())
    );
}

#[tokio::test]
async fn a_time_to_wait_goes_before_the_expression() {
    // The expression's ten seconds are 1 ms here, and an hour is 360.
    let (bench, receiver) = deployed(0.0001, |before| {
        let mut headers = HeaderMap::new();
        if before == 0 {
            let name = HeaderName::from_static("retry-after");
            headers.insert(name, HeaderValue::from_static("3600"));
        }
        let status = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::BAD_GATEWAY,
            StatusCode::OK,
        ];
        (status[before.min(2)], headers)
    })
    .await;
    publish(&bench, &receiver, &[delivery(1)], Pace::Live).await;
    bench.idle().await;
    let hits = receiver.at(EMBED);
    assert_eq!(hits.len(), 3);
    assert!(hits[1].at - hits[0].at >= Duration::from_millis(350));
    assert!(receiver.at(DEAD_LETTER).is_empty());
}

#[tokio::test]
async fn a_backfill_is_slow_and_nobody_waits_for_it() {
    // A minute is 300 ms here: 30 of 65 in each.
    let (bench, receiver) = deployed(0.005, |_| StatusCode::OK).await;
    let backfill: Vec<_> = (0..65).map(delivery).collect();
    let begin = Instant::now();
    publish(&bench, &receiver, &backfill, Pace::Backfill).await;
    publish(&bench, &receiver, &[delivery(1_000)], Pace::Live).await;
    bench.idle().await;
    let hits = receiver.at(EMBED);
    assert_eq!(hits.len(), 66);
    let live = hits
        .iter()
        .position(|hit| hit.body.windows(4).any(|text| text == b"1000"))
        .unwrap();
    assert!(live <= 32, "after {live} others");
    assert!(begin.elapsed() >= Duration::from_millis(600));
}

#[tokio::test]
async fn more_than_a_batch_is_several() {
    let (bench, receiver) = deployed(0.01, |_| StatusCode::OK).await;
    // A user each, so that none waits for another.
    let many: Vec<_> = (0..250)
        .map(|n| Delivery {
            user_id: Uuid::from_u128(n),
            ..delivery(1)
        })
        .collect();
    publish(&bench, &receiver, &many, Pace::Live).await;
    bench.idle().await;
    let mut users: Vec<_> = receiver
        .at(EMBED)
        .iter()
        .map(|hit| {
            serde_json::from_slice::<Delivery>(&hit.body)
                .unwrap()
                .user_id
        })
        .collect();
    users.sort();
    assert_eq!(
        users,
        many.iter().map(|one| one.user_id).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_a_failure_of_a_batch_too() {
    let bench = Bench::start().await;
    let client = client(&bench.qstash, bench.qstash.token());
    for deliveries in [&[delivery(1)][..], &[delivery(1), delivery(2)]] {
        let refused = client.publish(deliveries, Pace::Live, soon()).await;
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Refused);
    }
}

#[tokio::test]
async fn gone_it_takes_and_delivers_nothing_until_it_is_back() {
    let outage = Arc::new(Outage::default());
    let settings = Settings {
        faults: outage.clone(),
        ..Settings::default()
    };
    let bench = Bench::with(settings).await;
    let receiver = Receiver::ok().await;
    let client = client(&bench.qstash, bench.qstash.token());
    client.subscribe(&[&receiver.url], soon()).await.unwrap();
    // Accepted, and due in 100 ms.
    bench
        .publish(&receiver.url, &[("upstash-delay", "10s")], "before")
        .await;

    outage.begin();
    let gone = client.publish(&[delivery(1)], Pace::Live, soon()).await;
    assert_eq!(gone.unwrap_err().kind, ErrorKind::Unreachable);
    assert!(client.subscribers(soon()).await.is_err());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(receiver.hits().is_empty());

    outage.end();
    client
        .publish(&[delivery(2)], Pace::Live, soon())
        .await
        .unwrap();
    bench.idle().await;
    assert_eq!(receiver.hits().len(), 2);
    assert_eq!(bench.qstash.failed(), 0);
}
