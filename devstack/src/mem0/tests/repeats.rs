//! Exactly once in effect: every way in which an earlier attempt may have ended.

use std::collections::HashSet;

use super::*;
use crate::mem0::Fault;
use memory_orchestrator::adapters::mem0::EventState;

fn state_deadline() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

#[tokio::test]
async fn an_add_whose_reply_was_lost_is_not_added_again() {
    let fake = fake().await;
    for bench in both(&fake) {
        fake.forget();
        let turn = Turn::new("the reply of this one is lost");
        fake.faults().next(1, Fault::LoseReply);
        let error = bench.push(&turn).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        // Nothing below the adapter sent it again either.
        assert_eq!(fake.pushes().len(), 1);
        assert!(bench.push(&turn.repeated()).await.unwrap().is_some());
        assert_eq!(fake.pushes().len(), 1);
    }
}

#[tokio::test]
async fn an_add_that_timed_out_is_not_added_again() {
    let fake = fake().await;
    for bench in both(&fake) {
        fake.forget();
        let turn = Turn::new("this one takes long");
        fake.faults().hang(true);
        let short = Duration::from_millis(100);
        let error = bench.push_within(&turn, short).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout);
        fake.faults().hang(false);
        // The server goes on with what it was sent, or not; the repeat finds out.
        tokio::time::sleep(Duration::from_millis(50)).await;
        bench.push(&turn.repeated()).await.unwrap();
        assert_eq!(fake.pushes().len(), 1);
    }
}

#[tokio::test]
async fn an_add_that_still_waits_on_the_platform_is_not_added_again() {
    let fake = fake().await;
    fake.set_delay(Duration::from_secs(3600));
    let bench = Bench::of(&fake, Mem0Api::Platform);
    let turn = Turn::new("this one waits");
    let event = bench.push(&turn).await.unwrap().unwrap();
    assert!(fake.memories().is_empty());
    let again = bench.push(&turn.repeated()).await.unwrap();
    assert_eq!(again.as_deref(), Some(event.as_str()));
    assert_eq!(fake.pushes().len(), 1);
    let state = bench.client.event(&event, state_deadline()).await.unwrap();
    assert_eq!(state, EventState::Pending);
    // A newer revision waits for it, since it would stay beside the new one.
    let error = bench
        .push(&turn.revised("and is replaced"))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Busy);
    assert!(error.retry_after.is_some());
    assert_eq!(fake.pushes().len(), 1);
}

#[tokio::test]
async fn an_add_that_failed_later_is_added_again() {
    let fake = fake().await;
    fake.set_delay(Duration::ZERO);
    let bench = Bench::of(&fake, Mem0Api::Platform);
    let turn = Turn::new("this one fails when it is worked at");
    fake.faults().next(1, Fault::FailLater);
    let event = bench.push(&turn).await.unwrap().unwrap();
    let state = bench.client.event(&event, state_deadline()).await.unwrap();
    assert_eq!(state, EventState::Failed);
    let event = bench.push(&turn.repeated()).await.unwrap().unwrap();
    let state = bench.client.event(&event, state_deadline()).await.unwrap();
    assert_eq!(state, EventState::Done);
    assert_eq!(fake.memories().len(), 1);
    let unknown = Uuid::new_v4().to_string();
    let state = bench
        .client
        .event(&unknown, state_deadline())
        .await
        .unwrap();
    assert_eq!(state, EventState::Unknown);
}

#[tokio::test]
async fn an_add_that_found_nothing_is_done() {
    let fake = fake().await;
    fake.set_delay(Duration::ZERO);
    let bench = Bench::of(&fake, Mem0Api::Platform);
    let turn = Turn::new("hm");
    fake.faults().next(1, Fault::FindNothing);
    bench.push(&turn).await.unwrap();
    bench.push(&turn.repeated()).await.unwrap();
    assert_eq!(fake.pushes().len(), 1);

    let bench = Bench::of(&fake, Mem0Api::Server);
    fake.faults().next(1, Fault::FindNothing);
    assert_eq!(bench.push(&turn).await.unwrap(), None);
}

#[tokio::test]
async fn what_somebody_deleted_at_mem0_is_added_again() {
    let fake = fake().await;
    fake.set_delay(Duration::ZERO);
    let bench = Bench::of(&fake, Mem0Api::Platform);
    let turn = Turn::new("this one is deleted by hand");
    bench.push(&turn).await.unwrap();
    bench.delete_user().await.unwrap();
    bench.push(&turn.repeated()).await.unwrap();
    assert_eq!(fake.memories().len(), 1);
}

#[tokio::test]
async fn a_look_up_is_followed_past_its_first_page() {
    let fake = fake().await;
    fake.set_delay(Duration::ZERO);
    let bench = Bench::of(&fake, Mem0Api::Platform);
    // An add that waits, behind more events than a page of them has.
    fake.set_delay(Duration::from_secs(3600));
    let turn = Turn::new("the first of many");
    bench.push(&turn).await.unwrap();
    for number in 0..150 {
        bench
            .push(&Turn::new(&format!("turn {number}")))
            .await
            .unwrap();
    }
    bench.push(&turn.repeated()).await.unwrap();
    assert_eq!(fake.pushes().len(), 151);

    // And more memories of a session than the server lists.
    let bench = Bench::of(&fake, Mem0Api::Server);
    for number in 0..1001 {
        bench
            .push(&Turn::new(&format!("turn {number}")))
            .await
            .unwrap();
    }
    let turn = Turn::new("the last of many");
    bench.push(&turn).await.unwrap();
    let pushes = fake.pushes().len();
    bench.push(&turn.repeated()).await.unwrap();
    assert_eq!(fake.pushes().len(), pushes);
}

#[tokio::test]
async fn a_first_push_costs_one_request() {
    let fake = fake().await;
    for bench in both(&fake) {
        fake.forget();
        bench.push(&Turn::new("only once")).await.unwrap();
        assert_eq!(fake.received().len(), 1);
    }
}

#[tokio::test]
async fn with_every_third_call_failing_each_turn_is_kept_once_and_as_it_is_last() {
    let fake = fake().await;
    fake.faults().fail_at_random(0.33, 11);
    for bench in both(&fake) {
        fake.forget();
        for number in 0..100 {
            let first = Turn::new(&format!("turn {number}"));
            tried_until_it_works(&bench, &first).await;
            if number % 3 == 0 {
                tried_until_it_works(&bench, &first.revised("and replaced")).await;
            }
        }
        // What the platform accepted last.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let memories = fake.memories();
        assert_eq!(memories.len(), 100);
        let turns: HashSet<_> = memories
            .iter()
            .map(|kept| kept.metadata["turnId"].to_string())
            .collect();
        assert_eq!(turns.len(), 100);
        let replaced = memories
            .iter()
            .filter(|kept| kept.metadata["revision"] == 2)
            .count();
        assert_eq!(replaced, 34);
    }
}

/// As a job does it: every attempt after the first is a repeat.
async fn tried_until_it_works(bench: &Bench, turn: &Turn) {
    let mut turn = turn.clone();
    for _ in 0..50 {
        if bench.push(&turn).await.is_ok() {
            return;
        }
        turn.repeat = true;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("50 attempts failed");
}
