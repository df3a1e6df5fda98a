//! How failures are told, and what is never sent.

use axum::http::StatusCode;

use super::*;
use crate::mem0::Fault;

#[tokio::test]
async fn failures_are_told_apart() {
    let fake = fake().await;
    let (bad_request, second) = (StatusCode::BAD_REQUEST, Some(Duration::from_secs(7)));
    for bench in both(&fake) {
        for (fault, kind, wait) in [
            (
                Fault::Status(StatusCode::TOO_MANY_REQUESTS, second),
                ErrorKind::Throttled,
                second,
            ),
            (
                Fault::Status(StatusCode::SERVICE_UNAVAILABLE, second),
                ErrorKind::Busy,
                second,
            ),
            (
                Fault::Status(StatusCode::BAD_GATEWAY, None),
                ErrorKind::Busy,
                None,
            ),
            (
                Fault::Status(StatusCode::FORBIDDEN, None),
                ErrorKind::Denied,
                None,
            ),
            (Fault::Status(bad_request, None), ErrorKind::Refused, None),
            (Fault::SayFailed, ErrorKind::Refused, None),
            (Fault::LoseReply, ErrorKind::Unreachable, None),
        ] {
            fake.faults().next(1, fault.clone());
            let error = bench
                .push(&Turn::new("a secret of mine"))
                .await
                .unwrap_err();
            assert_eq!(error.kind, kind, "{fault:?}");
            assert_eq!(error.retry_after, wait, "{fault:?}");
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{fault:?}"
            );
        }
        fake.faults().next(1, Fault::SayFailed);
        let query = redact("anything");
        let deadline = Deadline::after(Duration::from_secs(5));
        let search = bench.client.search(bench.user, &query, 5, deadline);
        assert_eq!(search.await.unwrap_err().kind, ErrorKind::Refused);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_is_denied_until_it_is_not() {
    let fake = fake().await;
    for bench in both(&fake) {
        fake.faults().refuse_key(true);
        let turn = Turn::new("waits for the key");
        let error = bench.push(&turn).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        fake.faults().refuse_key(false);
        bench.push(&turn.repeated()).await.unwrap();
    }
}

#[tokio::test]
async fn a_deletion_that_the_platform_has_not_done_is_not_called_done() {
    let fake = fake().await;
    fake.set_delay(Duration::ZERO);
    let bench = Bench::of(&fake, Mem0Api::Platform);
    bench.push(&Turn::new("still there")).await.unwrap();
    fake.set_delay(Duration::from_secs(3600));
    let deadline = Deadline::after(Duration::from_millis(1200));
    let error = bench.client.delete_user(bench.user, deadline).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(error.retry_after.is_some());
}

#[tokio::test]
async fn calls_wait_for_each_other_under_their_deadlines() {
    let fake = fake().await;
    let bench = Bench::of(&fake, Mem0Api::Server);
    fake.faults().hang(true);
    let turns: Vec<Turn> = (0..5).map(|n| Turn::new(&format!("turn {n}"))).collect();
    let pushes = turns
        .iter()
        .map(|turn| bench.push_within(turn, Duration::from_millis(200)));
    let results = futures_util::future::join_all(pushes).await;
    assert!(results.iter().all(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.kind == ErrorKind::Timeout)
    }));
    // Two at once; the others never got their turn.
    assert_eq!(fake.received().len(), 2);
    fake.faults().hang(false);
    let pushes = turns
        .iter()
        .map(|turn| async { bench.push(&turn.repeated()).await });
    let results = futures_util::future::join_all(pushes).await;
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test]
async fn only_redacted_text_is_sent() {
    let fake = fake().await;
    for bench in both(&fake) {
        let text = "mail ann@example.org, call +49 30 1234567, pay with 4012 8888 8888 1881";
        bench.push(&Turn::new(text)).await.unwrap();
        bench.found("mail pay", 1).await;
        bench.search("who is ann@example.org").await;
    }
    let sent = fake.received().join("\n");
    assert!(sent.contains("[EMAIL_1]") && sent.contains("[PHONE_1]") && sent.contains("[CARD_1]"));
    for value in ["ann@", "1234567", "8888"] {
        assert!(!sent.contains(value), "{value}");
    }
}

#[tokio::test]
async fn a_seed_meets_the_same_faults_in_any_order() {
    async fn run(reversed: bool) -> Vec<(u128, bool)> {
        let fake = fake().await;
        fake.faults().fail_at_random(0.3, 7);
        let mut bench = Bench::of(&fake, Mem0Api::Server);
        (bench.user, bench.session) = (UserId(Uuid::from_u128(1)), Uuid::from_u128(2));
        let mut numbers: Vec<u128> = (0..60).collect();
        if reversed {
            numbers.reverse();
        }
        let mut failed = Vec::new();
        for number in numbers {
            let turn = Turn {
                id: Uuid::from_u128(number),
                ..Turn::new("hello")
            };
            failed.push((number, bench.push(&turn).await.is_err()));
        }
        failed.sort_unstable();
        failed
    }
    let (one, other) = (run(false).await, run(true).await);
    assert_eq!(one, other);
    let failed = one.iter().filter(|(_, failed)| *failed).count();
    assert!((8..=30).contains(&failed), "{failed}");
}
