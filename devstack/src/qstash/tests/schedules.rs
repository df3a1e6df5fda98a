//! Schedules: made, fired, paused, overwritten, deleted.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;

use super::{Bench, Receiver, Settings};

#[tokio::test]
async fn a_schedule_fires_by_its_cron_expression_until_it_is_deleted() {
    // A minute takes 120 ms.
    let bench = Bench::with(Settings {
        time_scale: 0.002,
        ..Settings::default()
    })
    .await;
    let receiver = Receiver::ok().await;
    let begin = Instant::now();
    let headers = [
        ("upstash-cron", "* * * * *"),
        ("upstash-schedule-id", "tick"),
        ("upstash-forward-x-tag", "t"),
    ];
    let path = format!("/v2/schedules/{}/tick", receiver.url);
    let (status, answer) = bench.call("POST", &path, &headers, "now").await;
    assert_eq!((status, answer), (200, json!({ "scheduleId": "tick" })));
    receiver.until(3).await;
    bench.idle().await;
    let hits = receiver.hits();
    assert_eq!(hits[0].header("upstash-schedule-id"), "tick");
    assert_eq!(
        (hits[0].header("x-tag"), &hits[0].body[..]),
        ("t", &b"now"[..])
    );
    // The third one comes at the third full minute, whenever in a minute the first one came.
    let third = hits[2].at - begin;
    assert!(third >= Duration::from_millis(240), "{third:?}");
    let schedule = bench.get("/v2/schedules/tick").await;
    assert_eq!(
        schedule["lastScheduleStates"].as_object().map(|o| o.len()),
        Some(1)
    );
    assert!(schedule["nextScheduleTime"].as_u64() > schedule["createdAt"].as_u64());

    assert_eq!(
        bench.call("DELETE", "/v2/schedules/tick", &[], "").await.0,
        200
    );
    bench.idle().await;
    let count = receiver.hits().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.hits().len(), count);
}

#[tokio::test]
async fn schedules_are_listed_overwritten_paused_and_fired_by_hand() {
    let (bench, receiver) = (
        Bench::start().await,
        Receiver::start(|_, _| StatusCode::OK).await,
    );
    let path = format!("/v2/schedules/{}", receiver.url);
    for cron in ["0 0 1 1 *", "0 5 * * *"] {
        let headers = [("upstash-cron", cron), ("upstash-schedule-id", "sweep")];
        bench.call("POST", &path, &headers, cron).await;
    }
    let (_, anonymous) = bench
        .call("POST", &path, &[("upstash-cron", "0 0 1 1 *")], "")
        .await;
    assert!(
        anonymous["scheduleId"]
            .as_str()
            .expect("id")
            .starts_with("scd_")
    );
    let list = bench.get("/v2/schedules").await;
    assert_eq!(list.as_array().map(Vec::len), Some(2));

    assert_eq!(
        bench
            .call("PATCH", "/v2/schedules/sweep/pause", &[], "")
            .await
            .0,
        200
    );
    let sweep = bench.get("/v2/schedules/sweep").await;
    assert_eq!(
        (&sweep["isPaused"], &sweep["cron"]),
        (&true.into(), &"0 5 * * *".into())
    );
    assert_eq!(
        (&sweep["retries"], &sweep["method"]),
        (&3.into(), &"POST".into())
    );
    bench
        .call("PATCH", "/v2/schedules/sweep/resume", &[], "")
        .await;
    assert_eq!(bench.get("/v2/schedules/sweep").await["isPaused"], false);

    assert!(bench.qstash.fire("sweep"));
    assert!(!bench.qstash.fire("nothing"));
    bench.idle().await;
    assert_eq!(receiver.hits()[0].body, "0 5 * * *");
}

#[tokio::test]
async fn a_bad_schedule_is_refused() {
    let bench = Bench::start().await;
    let path = "/v2/schedules/http://127.0.0.1:9";
    for cron in ["", "* * *", "61 * * * *"] {
        assert_eq!(
            bench
                .call("POST", path, &[("upstash-cron", cron)], "")
                .await
                .0,
            400
        );
    }
    assert_eq!(bench.call("POST", path, &[], "").await.0, 400);
    let cron = [("upstash-cron", "* * * * *")];
    assert_eq!(
        bench
            .call("POST", "/v2/schedules/nobody", &cron, "")
            .await
            .0,
        400
    );
    assert_eq!(
        bench.call("GET", "/v2/schedules/nothing", &[], "").await.0,
        404
    );
    assert_eq!(
        bench
            .call("DELETE", "/v2/schedules/nothing", &[], "")
            .await
            .0,
        404
    );
    assert_eq!(
        bench
            .call("PATCH", "/v2/schedules/nothing/pause", &[], "")
            .await
            .0,
        404
    );
}
