//! Flow control and queues.

use std::time::{Duration, Instant};

use axum::http::StatusCode;

use super::{Bench, Receiver};

#[tokio::test]
async fn parallelism_bounds_what_is_in_flight() {
    let takes = Duration::from_millis(60);
    let (bench, receiver) = (
        Bench::start().await,
        Receiver::slow(takes, |_, _| StatusCode::OK).await,
    );
    let headers = [
        ("upstash-flow-control-key", "k"),
        ("upstash-flow-control-value", "parallelism=2"),
    ];
    let begin = Instant::now();
    for _ in 0..6 {
        bench.publish(&receiver.url, &headers, "").await;
    }
    bench.idle().await;
    assert!(begin.elapsed() >= takes * 3, "{:?}", begin.elapsed());
    let hits = receiver.hits();
    // With two at a time, a third one starts only after the first one took its time.
    for trio in hits.windows(3) {
        assert!(trio[2].at - trio[0].at >= takes - Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_rate_bounds_what_starts_in_a_period() {
    let (bench, receiver) = (Bench::start().await, Receiver::ok().await);
    let headers = [
        ("upstash-flow-control-key", "k"),
        ("upstash-flow-control-value", "rate=2, period=10s"),
    ];
    let begin = Instant::now();
    for _ in 0..5 {
        bench.publish(&receiver.url, &headers, "").await;
    }
    bench.idle().await;
    let hits = receiver.hits();
    assert_eq!(hits.len(), 5);
    // Ten seconds are 100 ms here, and five messages need a third window.
    let whole = hits[4].at - begin;
    assert!(whole >= Duration::from_millis(200), "{whole:?}");
}

#[tokio::test]
async fn a_queue_keeps_its_order_and_can_be_paused() {
    let bench = Bench::start().await;
    let receiver = Receiver::start(|hit, before| match (hit.path.as_str(), before) {
        ("/0", 0) => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    })
    .await;
    assert_eq!(
        bench.call("POST", "/v2/queues/line/pause", &[], "").await.0,
        200
    );
    for n in 0..4 {
        let path = format!("/v2/enqueue/line/{}/{n}", receiver.url);
        let headers = [("upstash-retry-delay", "5000")];
        assert_eq!(bench.call("POST", &path, &headers, "").await.0, 200);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let queue = bench.get("/v2/queues/line").await;
    assert_eq!((&queue["lag"], &queue["paused"]), (&4.into(), &true.into()));
    assert_eq!(receiver.hits().len(), 0);
    bench.call("POST", "/v2/queues/line/resume", &[], "").await;
    bench.idle().await;
    let paths: Vec<String> = receiver.hits().into_iter().map(|hit| hit.path).collect();
    assert_eq!(
        paths,
        ["/0", "/0", "/1", "/2", "/3"],
        "a retry holds the queue up"
    );
}
