//! What our adapter promises, over any Mem0. Texts are about different things, since the real engine
//! leaves out a fact that it has already.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::delay_proxy::{DelayProxy, Mode};
use crate::mem0::RealMem0;
use crate::postgres::{Error as PostgresError, shared};

#[tokio::test]
async fn the_fake_platform_keeps_the_contract() {
    let fake = fake().await;
    for infer in [true, false] {
        keeps_the_contract(|| Bench::new(Mem0Api::Platform, fake.url(), fake.api_key(), infer))
            .await;
    }
}

#[tokio::test]
async fn the_fake_server_keeps_the_contract() {
    let fake = fake().await;
    for infer in [true, false] {
        keeps_the_contract(|| Bench::new(Mem0Api::Server, fake.url(), fake.api_key(), infer)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_engine_keeps_the_contract() {
    let server = match shared().await {
        Ok(server) => server,
        Err(PostgresError::Unavailable(reason)) => return crate::skipped(&reason),
        Err(error) => panic!("{error}"),
    };
    let name = format!("test_mem0_{}", Uuid::new_v4().simple());
    let database = server.create_database(&name).await.unwrap();
    match RealMem0::start(&database.url()).await {
        Err(reason) => crate::skipped(&format!("the real Mem0: {reason}")),
        Ok(real) => {
            for infer in [true, false] {
                keeps_the_contract(|| {
                    Bench::new(Mem0Api::Server, real.url(), real.api_key(), infer)
                })
                .await;
            }
            drop(real);
        }
    }
    database.drop().await.unwrap();
}

async fn keeps_the_contract(bench: impl Fn() -> Bench) {
    a_turn_is_found_again(bench()).await;
    every_role_is_kept(bench()).await;
    a_repeat_adds_nothing(bench()).await;
    a_repeat_adds_what_is_not_there(bench()).await;
    a_new_revision_takes_the_place_of_the_old(bench()).await;
    a_late_old_revision_changes_nothing(bench()).await;
    a_new_revision_of_the_same_words_is_kept(bench()).await;
    a_lost_reply_doubles_nothing(bench()).await;
    nothing_is_sent_of_a_blank_text(bench()).await;
    users_do_not_see_each_other(bench(), bench()).await;
    a_user_is_deleted_whole(bench(), bench()).await;
    a_session_is_forgotten_whole(bench()).await;
    turns_are_forgotten_and_the_rest_of_their_session_is_not(bench()).await;
    a_wrong_key_is_denied(bench()).await;
}

async fn a_turn_is_found_again(bench: Bench) {
    let turn = Turn::new("Ann keeps three green parrots in the kitchen");
    assert!(bench.push(&turn).await.unwrap().is_some());
    let facts = bench.found("green parrots", 1).await;
    assert!(facts[0].text.contains("three green parrots"));
    assert_eq!(facts[0].turn, Some(turn.id));
    assert_eq!(facts[0].session, Some(bench.session));
    assert_eq!(facts[0].created_at, Some(said_at()));
    assert!(facts[0].score > 0.0);
}

async fn every_role_is_kept(bench: Bench) {
    for (role, text) in [
        (Role::User, "the lighthouse at noon"),
        (Role::Assistant, "the lighthouse at dusk"),
        (Role::System, "the lighthouse at dawn"),
        (Role::Tool, "the lighthouse at midnight"),
    ] {
        let turn = Turn {
            role,
            ..Turn::new(text)
        };
        assert!(bench.push(&turn).await.unwrap().is_some(), "{role:?}");
    }
    bench.found("the lighthouse", 4).await;
}

async fn a_repeat_adds_nothing(bench: Bench) {
    let turn = Turn::new("Bo plays the cello on Fridays");
    bench.push(&turn).await.unwrap();
    for _ in 0..2 {
        assert!(bench.push(&turn.repeated()).await.unwrap().is_some());
    }
    settle().await;
    assert_eq!(bench.search("cello on Fridays").await.len(), 1);
}

async fn a_repeat_adds_what_is_not_there(bench: Bench) {
    bench
        .push(&Turn::new("Cy sails on the lake"))
        .await
        .unwrap();
    let turn = Turn::new("Cy swims in the lake").repeated();
    bench.push(&turn).await.unwrap();
    let facts = bench.found("in the lake", 2).await;
    assert!(facts.iter().any(|fact| fact.turn == Some(turn.id)));
}

async fn a_new_revision_takes_the_place_of_the_old(bench: Bench) {
    let first = Turn::new("Di moves to Lisbon in March");
    bench.push(&first).await.unwrap();
    bench.found("moves to Lisbon", 1).await;
    let second = first.revised("Di moves to Lisbon in April");
    bench.push(&second).await.unwrap();
    settle().await;
    let facts = bench.found("moves to Lisbon", 1).await;
    assert!(facts[0].text.contains("April"));
    bench.push(&second.repeated()).await.unwrap();
    settle().await;
    assert_eq!(bench.search("moves to Lisbon").await.len(), 1);
}

async fn a_late_old_revision_changes_nothing(bench: Bench) {
    let first = Turn::new("Ed brews coffee in a blue pot");
    let second = first.revised("Ed brews coffee in a red pot");
    bench.push(&second).await.unwrap();
    bench.found("brews coffee", 1).await;
    bench.push(&first.repeated()).await.unwrap();
    settle().await;
    let facts = bench.search("brews coffee").await;
    assert_eq!(facts.len(), 1);
    assert!(facts[0].text.contains("red"));
}

/// Mem0 leaves out a fact that it has; here it has it until the old revision is gone.
async fn a_new_revision_of_the_same_words_is_kept(bench: Bench) {
    let turn = Turn::new("Ivy climbs with a rope of hemp");
    bench.push(&turn).await.unwrap();
    bench.found("rope of hemp", 1).await;
    let second = turn.revised("Ivy climbs with a rope of hemp");
    assert!(bench.push(&second).await.unwrap().is_some());
    settle().await;
    bench.found("rope of hemp", 1).await;
}

/// The line to Mem0 delivers what we send, and nothing of what it answers.
async fn a_lost_reply_doubles_nothing(bench: Bench) {
    let port = bench.config.url.rsplit(':').next().unwrap();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
    let line = DelayProxy::start(target, Duration::ZERO).await.unwrap();
    let url = format!("http://127.0.0.1:{}", line.port());
    let over_line = bench.with(|config| config.url = url);
    let turn = Turn::new("Jo paints the fence white");
    line.set_mode(Mode::LoseReplies);
    let pushed = over_line
        .push_within(&turn, Duration::from_millis(500))
        .await;
    let kind = pushed.unwrap_err().kind;
    assert!(matches!(kind, ErrorKind::Timeout | ErrorKind::Unreachable));
    bench.found("paints the fence", 1).await;
    line.set_mode(Mode::Forward);
    assert!(over_line.push(&turn.repeated()).await.unwrap().is_some());
    settle().await;
    assert_eq!(bench.search("paints the fence").await.len(), 1);
}

async fn nothing_is_sent_of_a_blank_text(bench: Bench) {
    assert_eq!(bench.push(&Turn::new(" \n")).await.unwrap(), None);
    assert!(bench.search(" ").await.is_empty());
}

async fn users_do_not_see_each_other(one: Bench, other: Bench) {
    let turn = Turn::new("Flo hides the key under a stone");
    one.push(&turn).await.unwrap();
    one.found("key under a stone", 1).await;
    assert!(other.search("key under a stone").await.is_empty());
    // Another user's turn of the same id is another turn.
    other.push(&turn.repeated()).await.unwrap();
    other.found("key under a stone", 1).await;
}

async fn a_user_is_deleted_whole(one: Bench, other: Bench) {
    for text in ["Gus likes figs", "Gus likes dates", "Gus likes plums"] {
        one.push(&Turn::new(text)).await.unwrap();
    }
    other.push(&Turn::new("Gus likes nuts")).await.unwrap();
    one.found("Gus likes", 3).await;
    one.delete_user().await.unwrap();
    assert!(one.search("Gus likes").await.is_empty());
    other.found("Gus likes", 1).await;
    // Deleting what is not there is as good.
    one.delete_user().await.unwrap();
}

async fn a_session_is_forgotten_whole(one: Bench) {
    let other = Bench {
        session: Uuid::new_v4(),
        ..one.with(|_| {})
    };
    for text in ["Kit paddles a canoe", "Kit mends a canoe"] {
        one.push(&Turn::new(text)).await.unwrap();
    }
    other.push(&Turn::new("Kit paints a canoe")).await.unwrap();
    one.found("Kit canoe", 3).await;
    one.forget(Forget::Session(one.session)).await.unwrap();
    let facts = one.search("Kit canoe").await;
    assert_eq!(facts.len(), 1);
    assert!(facts[0].text.contains("paints"));
    // Deleting what is not there is as good.
    one.forget(Forget::Session(one.session)).await.unwrap();
}

async fn turns_are_forgotten_and_the_rest_of_their_session_is_not(bench: Bench) {
    let turns = [
        "Lou bakes rye bread",
        "Lou bakes wheat bread",
        "Lou bakes corn bread",
    ]
    .map(Turn::new);
    for turn in &turns {
        bench.push(turn).await.unwrap();
    }
    bench.found("Lou bakes bread", 3).await;
    let two = [turns[0].id, turns[2].id];
    bench
        .forget(Forget::Turns(bench.session, &two))
        .await
        .unwrap();
    let facts = bench.search("Lou bakes bread").await;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].turn, Some(turns[1].id));
}

async fn a_wrong_key_is_denied(bench: Bench) {
    let wrong = bench.with(|config| config.key = Some(Secret::new("another-key")));
    let turn = Turn::new("Hal sings");
    for turn in [turn.clone(), turn.repeated()] {
        let error = wrong.push(&turn).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Denied);
        assert!(!error.to_string().contains("another-key"));
    }
    assert_eq!(
        wrong.delete_user().await.unwrap_err().kind,
        ErrorKind::Denied
    );
    let forgot = wrong.forget(Forget::Session(wrong.session)).await;
    assert_eq!(forgot.unwrap_err().kind, ErrorKind::Denied);
    settle().await;
    assert!(bench.search("Hal sings").await.is_empty());
}

/// Time for the fake platform to do what it accepted.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(60)).await;
}
