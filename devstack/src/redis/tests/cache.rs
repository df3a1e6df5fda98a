//! The service's cache over the real thing: what is a hit, and that everything else is a miss.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use memory_orchestrator::{
    config,
    contract::answers::AdapterStatus,
    domain::{deadline::Deadline, ids::UserId},
    orchestrator::cache::{Cache, Looked, Question},
};
use serde_json::Value;
use uuid::Uuid;

use super::{client::client, started};
use crate::redis::{Fault, Redis};

const USER: UserId = UserId(Uuid::from_u128(7));
const OTHER: UserId = UserId(Uuid::from_u128(8));
const SESSION: Option<Uuid> = Some(Uuid::from_u128(70));
const SECRET_TEXT: &str = "my secret question";
const VECTOR: [f32; 2] = [0.6, -0.8];

/// Later than the cache waits by itself.
fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

/// A cache like that of a function, with its own connection.
fn cache(redis: &Redis) -> Cache {
    let embeddings = config::Embeddings {
        provider: config::EmbeddingsProvider::Compatible,
        url: String::new(),
        key: None,
        model: "gte".to_owned(),
        dimensions: 2,
        trusted: false,
    };
    let client = client(redis, redis.token());
    Cache::new(client, &config::Secret::new("hush"), Some(&embeddings))
}

fn question(user: UserId, session: Option<Uuid>) -> Question<'static> {
    Question {
        user,
        session,
        request: b"{\"query\": \"my secret question\"}",
        query: Some(SECRET_TEXT),
    }
}

/// Asks, and asks again if the machine was so busy that 30 ms were not enough.
async fn look(cache: &Cache, question: Question<'_>) -> Looked {
    for _ in 0..5 {
        let looked = cache.lookup(&question, soon()).await;
        if looked.report.status == AdapterStatus::Ok {
            return looked;
        }
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
    panic!("no lookup within 30 ms")
}

/// One request for a context, as `fetch_context` would make it; answers whether a snapshot served it.
async fn request(cache: &Cache, question: Question<'_>, answer: &str) -> Option<String> {
    let looked = look(cache, question).await;
    if looked.snapshot.is_none() {
        let ticket = looked.ticket.unwrap();
        cache.store_snapshot(&ticket, answer, soon()).await;
    }
    looked.snapshot
}

async fn keys(redis: &Redis) -> Vec<String> {
    let keys: Vec<String> = serde_json::from_value(redis.command(&["KEYS", "*"]).await).unwrap();
    keys
}

#[tokio::test]
async fn a_querys_vector_is_found_again_by_the_same_user_and_nobody_else() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let asked = question(USER, SESSION);
    let looked = look(&cache, asked).await;
    assert_eq!(looked.embedding, None);
    let ticket = looked.ticket.unwrap();
    let report = cache.store_embedding(&ticket, &VECTOR, soon()).await;
    assert_eq!(report.status, AdapterStatus::Ok);

    let before = redis.faults().requests();
    let looked = look(&cache, question(USER, None)).await;
    assert_eq!(looked.embedding.as_deref(), Some(&VECTOR[..]));
    assert_eq!(redis.faults().requests() - before, 1);

    let another = Question {
        query: Some("my secret question?"),
        ..asked
    };
    assert_eq!(look(&cache, another).await.embedding, None);
    let nobody = look(&cache, question(OTHER, SESSION)).await;
    assert_eq!(nobody.embedding, None);
    let without = Question {
        query: None,
        ..asked
    };
    let looked = look(&cache, without).await;
    assert_eq!(looked.embedding, None);
    let report = cache
        .store_embedding(&looked.ticket.unwrap(), &VECTOR, soon())
        .await;
    assert_eq!(report.status, AdapterStatus::Skipped);
    redis.stop().await;
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_by_a_snapshot_from_the_third_time() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let asked = question(USER, SESSION);
    for expected in [None, None, Some("{\"prompt\":\"two\nlines\"}")] {
        let answered = request(&cache, asked, "{\"prompt\":\"two\nlines\"}").await;
        assert_eq!(answered.as_deref(), expected);
    }
    let other_body = Question {
        request: b"{}",
        ..asked
    };
    for other in [question(OTHER, SESSION), question(USER, None), other_body] {
        assert_eq!(look(&cache, other).await.snapshot, None);
    }
    redis.stop().await;
}

#[tokio::test]
async fn a_turn_of_any_session_ends_all_snapshots_of_its_user() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let all = [
        question(USER, SESSION),
        question(USER, None),
        question(OTHER, SESSION),
    ];
    for _ in 0..2 {
        for asked in all {
            request(&cache, asked, "old").await;
        }
    }
    let report = cache.invalidate(USER).await;
    assert_eq!(report.status, AdapterStatus::Ok);
    let mut answers = Vec::new();
    for asked in all {
        answers.push(request(&cache, asked, "new").await);
    }
    assert_eq!(answers, [None, None, Some("old".to_owned())]);
    // And then they are snapshots again.
    let again = request(&cache, all[0], "newer").await;
    assert_eq!(again.as_deref(), Some("new"));
    redis.stop().await;
}

#[tokio::test]
async fn a_context_that_a_turn_overtakes_is_never_served() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let asked = question(USER, SESSION);
    // With no generation at first, and with one.
    for _ in 0..2 {
        request(&cache, asked, "older").await;
        cache.invalidate(USER).await;
        let looked = look(&cache, asked).await;
        assert_eq!(looked.snapshot, None);
        // Here the context is computed, and here a turn is committed:
        cache.invalidate(USER).await;
        let report = cache
            .store_snapshot(&looked.ticket.unwrap(), "old", soon())
            .await;
        assert_eq!(report.status, AdapterStatus::Ok);
        assert_eq!(look(&cache, asked).await.snapshot, None);
    }
    redis.stop().await;
}

#[tokio::test]
async fn every_key_has_an_end_and_only_a_snapshot_has_text_for_a_minute() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let asked = question(USER, SESSION);
    cache.invalidate(USER).await;
    for _ in 0..2 {
        let looked = look(&cache, asked).await;
        let ticket = looked.ticket.unwrap();
        cache.store_embedding(&ticket, &VECTOR, soon()).await;
        cache.store_snapshot(&ticket, SECRET_TEXT, soon()).await;
    }
    let keys = keys(&redis).await;
    assert_eq!(keys.len(), 4, "{keys:?}");
    for key in keys {
        let text = redis.command(&["GET", &key]).await;
        let ttl = redis.command(&["TTL", &key]).await.as_i64().unwrap();
        let snapshot = format!("memory:{}:{}", USER.0, Uuid::from_u128(70));
        if key == snapshot {
            assert!((50..=60).contains(&ttl), "{key}: {ttl}");
        } else {
            assert!((50..=3600).contains(&ttl), "{key}: {ttl}");
            assert!(!text.as_str().unwrap().contains("secret"), "{key}");
        }
        assert!(!key.contains("secret"), "{key}");
    }
    redis.stop().await;
}

#[tokio::test]
async fn rubbish_in_a_key_is_a_miss() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let asked = question(USER, SESSION);
    cache.invalidate(USER).await;
    for _ in 0..2 {
        let ticket = look(&cache, asked).await.ticket.unwrap();
        cache.store_embedding(&ticket, &VECTOR, soon()).await;
        cache.store_snapshot(&ticket, "answer", soon()).await;
    }
    let keys = keys(&redis).await;
    for rubbish in [&["SET", "", "\u{0}rubbish"][..], &["RPUSH", "", "a", "b"]] {
        for key in &keys {
            redis.command(&["DEL", key]).await;
            let mut command = rubbish.to_vec();
            command[1] = key;
            redis.command(&command).await;
        }
        let looked = look(&cache, asked).await;
        assert_eq!((looked.snapshot, looked.embedding), (None, None));
        // What is stored then mends it.
        let ticket = looked.ticket.unwrap();
        cache.invalidate(USER).await;
        cache.store_embedding(&ticket, &VECTOR, soon()).await;
        assert!(look(&cache, asked).await.embedding.is_some());
    }
    redis.stop().await;
}

#[tokio::test]
async fn a_redis_that_fails_is_a_miss_in_time_and_is_left_alone_for_a_while() {
    let Some(redis) = started().await else { return };
    let asked = question(USER, SESSION);
    for fault in [
        Fault::Hang,
        Fault::Cut,
        Fault::Fail(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Garble("<html>".to_owned()),
        Fault::Garble("[]".to_owned()),
    ] {
        let cache = cache(&redis);
        let ticket = look(&cache, asked).await.ticket.unwrap();
        redis.faults().set(fault.clone());
        let start = Instant::now();
        let looked = cache.lookup(&asked, soon()).await;
        assert!(looked.ticket.is_none() && looked.snapshot.is_none() && looked.embedding.is_none());
        assert_eq!(looked.report.status, AdapterStatus::Error, "{fault:?}");
        let report = cache.store_embedding(&ticket, &VECTOR, soon()).await;
        assert_eq!(report.status, AdapterStatus::Error, "{fault:?}");
        let report = cache.invalidate(USER).await;
        assert_eq!(report.status, AdapterStatus::Error, "{fault:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "{fault:?}");

        let before = redis.faults().requests();
        let looked = cache.lookup(&asked, soon()).await;
        assert_eq!(looked.report.status, AdapterStatus::Skipped, "{fault:?}");
        assert_eq!(redis.faults().requests(), before);
        redis.faults().set(Fault::None);
    }
    let value: Value = redis.command(&["PING"]).await;
    assert_eq!(value, "PONG");
    redis.stop().await;
}

#[tokio::test]
async fn all_that_is_cached_of_a_user_is_purged_among_many_keys_and_nobody_elses() {
    let Some(redis) = started().await else { return };
    let cache = cache(&redis);
    let name = format!("memory:{}", USER.0);
    let other = format!("memory:{}", OTHER.0);
    for key in 0..2500 {
        let owner = if key % 2 == 0 { &name } else { &other };
        redis
            .command(&["SET", &format!("{owner}:embedding:gte:2:{key}"), "x"])
            .await;
    }
    for key in [&name, &other] {
        redis.command(&["SET", key, "generation"]).await;
    }
    let deadline = || Deadline::after(Duration::from_secs(10));
    let of =
        |keys: Vec<String>, name: &str| keys.iter().filter(|key| key.starts_with(name)).count();

    // A new generation stays, so that nothing which is still stored under the old one is ever served.
    cache.purge(USER, false, deadline()).await.unwrap();
    assert_eq!(of(keys(&redis).await, &name), 1);
    assert_ne!(redis.command(&["GET", &name]).await, "generation");
    cache.purge(USER, true, deadline()).await.unwrap();
    assert_eq!(of(keys(&redis).await, &name), 0);
    assert_eq!(of(keys(&redis).await, &other), 1251);

    redis
        .faults()
        .set(Fault::Fail(StatusCode::SERVICE_UNAVAILABLE));
    cache.purge(USER, true, deadline()).await.unwrap_err();
}
