//! The cache over a real Redis: what it spares, what ends it, what stands in it, and that nobody needs it.

use std::time::Duration;

use black_box::{Client, Deployment, Reply, marked, on_both_hosts, on_own_deployments, turn};
use devstack::redis::{Fault, Redis};
use devstack::stack::StackSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

fn cached(settings: &mut StackSettings) {
    settings.redis = true;
}

/// A query that has the time it takes to be embedded, however busy the machine is.
fn asking(query: &str) -> Value {
    json!({ "query": query, "deadlineMs": 5000 })
}

/// Asks while the cache answers: when it does not within 30 ms, as on a busy machine, it is left alone for two seconds.
async fn ask(client: &Client<'_>, body: &Value) -> Reply {
    let mut times = 0;
    loop {
        let reply = client.context(body.clone()).await;
        assert_eq!(reply.body["degraded"], json!([]), "{reply:?}");
        if reply.body["adapters"]["redis"]["status"] == "ok" {
            return reply;
        }
        times += 1;
        assert!(times < 5, "no lookup within 30 ms: {reply:?}");
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
}

/// Asks until the answer is a snapshot: the very bytes of the one before, its durations included. Says also how often
/// it asked.
async fn snapshot(client: &Client<'_>, body: &Value) -> (Reply, usize) {
    let mut last = ask(client, body).await;
    let mut asked = 1;
    loop {
        let next = ask(client, body).await;
        asked += 1;
        if next.bytes == last.bytes {
            return (next, asked);
        }
        assert!(asked < 10, "never a snapshot: {next:?}");
        last = next;
    }
}

/// How often the provider was asked for the vector of a text.
fn embedded(deployment: &Deployment, text: &str) -> usize {
    let embedder = deployment.stack.embedder.as_ref().unwrap();
    let texts = embedder.requests().texts;
    texts.iter().filter(|embedded| *embedded == text).count()
}

async fn keys(redis: &Redis) -> Vec<String> {
    serde_json::from_value(redis.command(&["KEYS", "*"]).await).unwrap()
}

#[test]
fn the_third_of_equal_requests_is_answered_by_a_snapshot() {
    on_own_deployments(cached, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        let client = deployment.as_somebody();
        client.record("s", &[turn("1", "Tea at five")]).await;
        client.synced("s").await;
        let body = asking("When is tea?");
        let (reply, asked) = snapshot(&client, &body).await;
        assert!(asked >= 3, "{asked}");
        assert_eq!(reply.each("items", "id"), ["1"], "{reply:?}");
        let provider = embedded(deployment, "When is tea?");
        let again = ask(&client, &body).await;
        assert!(again.bytes == reply.bytes, "{again:?}");
        assert_eq!(embedded(deployment, "When is tea?"), provider);

        // Other bytes are another request.
        let another = json!({ "deadlineMs": 5000, "query": "When is tea?" }).to_string() + " ";
        let other = client.post_bytes("/api/context", another).await;
        assert!(other.bytes != reply.bytes, "{other:?}");
        assert_eq!(other.each("items", "id"), ["1"], "{other:?}");
    });
}

#[test]
fn a_querys_vector_is_asked_for_once() {
    on_own_deployments(cached, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        let client = deployment.as_somebody();
        let mut made = 0;
        for limit in 1..10 {
            let asked = embedded(deployment, "When is tea?");
            let body = json!({ "query": "When is tea?", "deadlineMs": 5000, "limit": limit });
            ask(&client, &body).await;
            // On a busy machine Redis may not answer before the provider is asked.
            if embedded(deployment, "When is tea?") == asked {
                break;
            }
            made += 1;
        }
        // Unless the machine was too busy to keep the first.
        assert!((1..9).contains(&made), "{made}");
        // Nobody learns from the time of an answer what somebody else asked.
        ask(&deployment.as_somebody(), &asking("When is tea?")).await;
        assert!(embedded(deployment, "When is tea?") > made);
    });
}

#[test]
fn a_new_turn_of_any_session_is_seen_at_once_and_nobody_sees_anothers() {
    on_own_deployments(cached, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        let client = deployment.as_somebody();
        let word = marked("tea");
        let body = asking(&word);
        let session = json!({ "sessionId": "a", "query": word, "deadlineMs": 5000 });
        let mut known = Vec::new();
        for (id, written_to) in [("1", "a"), ("2", "b"), ("3", "a")] {
            client.record(written_to, &[turn(id, &word)]).await;
            known.push(json!(id));
            for body in [&body, &session] {
                let first = ask(&client, body).await;
                let mut ids = first.each("items", "id");
                ids.sort_by_key(Value::to_string);
                assert_eq!(ids, known, "{first:?}");
            }
            client.synced(written_to).await;
            snapshot(&client, &body).await;
            snapshot(&client, &session).await;
        }
        for body in [&body, &session] {
            let other = deployment.as_somebody();
            let (reply, asked) = snapshot(&other, body).await;
            assert!(asked >= 3, "{asked}");
            assert_eq!(reply.body["items"], json!([]), "{reply:?}");
        }
    });
}

#[test]
fn no_text_of_a_user_can_be_read_in_it_and_its_sealed_answers_stand_for_a_minute() {
    on_own_deployments(cached, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "gravel and tea")]).await;
        client.synced("s").await;
        let body = asking("gravel?");
        let session = json!({ "sessionId": "s", "query": "gravel?", "deadlineMs": 5000 });
        snapshot(&client, &body).await;
        snapshot(&client, &session).await;
        let mut snapshots = 0;
        let mut others = 0;
        for key in keys(redis).await {
            assert!(!key.contains("gravel"), "{key}");
            let value = redis.command(&["GET", &key]).await;
            let ttl = redis.command(&["TTL", &key]).await.as_i64().unwrap();
            assert!(!value.as_str().unwrap().contains("gravel"), "{key}");
            // Generation, the request's hash, the answer.
            if value.as_str().unwrap().lines().count() == 3 {
                let of_user = format!("memory:{user}:");
                assert!(key.starts_with(&of_user), "{key}");
                assert!((1..=60).contains(&ttl), "{key}: {ttl}");
                snapshots += 1;
            } else {
                assert!((1..=3600).contains(&ttl), "{key}: {ttl}");
                others += 1;
            }
        }
        // Two requests and their hashes, the query's vector, the user's generation.
        assert_eq!((snapshots, others), (2, 4));
    });
}

#[test]
fn rubbish_in_a_key_is_a_miss() {
    on_own_deployments(cached, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        let client = deployment.as_somebody();
        client.record("s", &[turn("1", "Tea at five")]).await;
        client.synced("s").await;
        let body = asking("When is tea?");
        let (good, _) = snapshot(&client, &body).await;
        let keys = keys(redis).await;
        assert_eq!(keys.len(), 4, "{keys:?}");
        for rubbish in [
            &["SET", "rubbish"][..],
            &["SET", ""],
            &["SET", "\u{0}\n\n{\"items\":[]}"],
            // A vector of length 1, of one dimension.
            &["SET", "AACAPw"],
            &["RPUSH", "a", "b"],
        ] {
            for key in &keys {
                redis.command(&["DEL", key]).await;
                let (command, values) = rubbish.split_first().unwrap();
                let put = redis
                    .command(&[&[*command, key.as_str()], values].concat())
                    .await;
                assert!(put.get("error").is_none(), "{put}");
                let reply = ask(&client, &body).await;
                assert_eq!(reply.each("items", "id"), ["1"], "{key} {reply:?}");
                assert_eq!(reply.body["prompt"], good.body["prompt"], "{key}");
            }
        }
    });
}

#[test]
fn without_its_redis_the_service_is_complete_and_no_slower() {
    on_own_deployments(cached, async |deployment| {
        let Some(redis) = deployment.stack.redis.take() else {
            return;
        };
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let mut recorded = Vec::new();
        for fault in [
            Fault::Hang,
            Fault::Cut,
            Fault::Fail(StatusCode::UNAUTHORIZED),
            Fault::Garble("[{\"result\":[]},{}]".to_owned()),
        ] {
            redis.faults().set(fault.clone());
            // Long enough for the instances to look again.
            tokio::time::sleep(Duration::from_millis(2100)).await;
            let id = format!("{}", recorded.len());
            let reply = client
                .record("s", &[turn(&id, &format!("Tea at {id} sharp"))])
                .await;
            assert_eq!(reply.body["status"], "ok", "{fault:?} {reply:?}");
            assert!(reply.took < Duration::from_secs(1), "{fault:?} {reply:?}");
            recorded.push(json!(id));
            for _ in 0..3 {
                let reply = client.context(asking("When is tea?")).await;
                assert!(reply.took < Duration::from_secs(1), "{fault:?} {reply:?}");
                assert_eq!(reply.body["degraded"], json!([]), "{fault:?} {reply:?}");
                assert_ne!(reply.body["adapters"]["redis"]["status"], "ok", "{fault:?}");
                let mut ids = reply.each("items", "id");
                ids.sort_by_key(Value::to_string);
                assert_eq!(ids, recorded, "{fault:?} {reply:?}");
            }
            client.synced("s").await;
        }
        redis.faults().set(Fault::None);
        snapshot(&client, &asking("When is tea?")).await;

        // Nobody listens any more.
        redis.stop().await;
        client.record("s", &[turn("last", "Tea at six")]).await;
        let reply = client.context(asking("When is tea?")).await;
        assert!(reply.took < Duration::from_secs(1), "{reply:?}");
        assert!(reply.each("items", "id").contains(&json!("last")));
        client.synced("s").await;
    });
}

#[test]
fn where_no_redis_is_configured_every_request_is_answered_anew() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let query = marked("tea");
        client.record("s", &[turn("1", &query)]).await;
        for asked in 1..=3 {
            let reply = client.context(asking(&query)).await;
            assert_eq!(reply.body["adapters"]["redis"]["status"], "skipped");
            assert_eq!(reply.each("items", "id"), ["1"], "{reply:?}");
            // The turn's job may have asked for the same words.
            assert!(embedded(deployment, &query) >= asked, "{reply:?}");
        }
    });
}
