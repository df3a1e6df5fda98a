//! Rate limits, black-box: who is turned away and what he is told, who never is, and what happens when nobody counts.

use std::time::Duration;

use black_box::{Deployment, Reply, Signed, on_both_hosts, on_own_deployments, turn};
use devstack::redis::Fault;
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

const HEADERS: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

/// Windows of a day, so that none ends while a test runs.
fn limited(settings: &mut StackSettings) {
    settings.redis = true;
    let limits = "turns=sliding:3/1d context=bucket:1/1d:3 sessions=fixed:3/1d sync=fixed:1/1d backfill=fixed:1/1d export=fixed:1/1d";
    settings
        .env
        .insert("MEMORY_LIMITS".to_owned(), limits.to_owned());
}

fn is_counted(reply: &Reply) -> bool {
    HEADERS.iter().all(|name| !reply.header(name).is_empty())
}

fn was_not_counted(reply: &Reply) -> bool {
    reply.header("server-timing").contains("ratelimit;desc=")
}

/// Waits until this function of the deployment counts: on a busy machine 40 ms may not be enough, and then it does not ask
/// for two seconds. With a user of its own, whose budget does not matter.
async fn counting(deployment: &Deployment, method: &str, path: &str, body: Value) {
    let mut times = 0;
    loop {
        let somebody = deployment.as_somebody();
        let reply = match method {
            "GET" => somebody.get(path).await,
            _ => somebody.post(path, body.clone()).await,
        };
        if is_counted(&reply) {
            return;
        }
        times += 1;
        assert!(times < 10, "nobody counts: {reply:?}");
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
}

fn new_turn() -> Value {
    json!({ "sessionId": "s", "turns": [turn(&Uuid::new_v4().to_string(), "Tea at five")] })
}

#[test]
fn a_budget_is_told_spent_and_nobody_elses() {
    on_own_deployments(limited, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        counting(deployment, "POST", "/api/turns", new_turn()).await;
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        for left in ["2", "1", "0"] {
            let reply = client.post("/api/turns", new_turn()).await;
            reply.is(201);
            assert_eq!(reply.header("ratelimit-limit"), "3", "{reply:?}");
            assert_eq!(reply.header("ratelimit-remaining"), left, "{reply:?}");
            let reset: u64 = reply.header("ratelimit-reset").parse().unwrap();
            assert!((1..=24 * 3600).contains(&reset), "{reset}");
            assert_eq!(reply.header("retry-after"), "");
        }
        let refused = client.post("/api/turns", new_turn()).await;
        refused.is_problem(429, "rate_limited");
        assert_eq!(refused.header("ratelimit-remaining"), "0");
        assert_eq!(
            refused.header("retry-after"),
            refused.header("ratelimit-reset")
        );
        // Nothing was done.
        let turns = "select count(*) from memories.turns where user_id = $1";
        assert_eq!(deployment.count(turns, &[&user]).await, 3);

        // Whatever comes first in a wrong request, the budget comes before the body.
        let wrong = client.post("/api/turns", json!({})).await;
        wrong.is_problem(429, "rate_limited");
        // The team's server takes from the budget of the user that it acts for.
        let server = deployment.as_service();
        let server = server.with("x-memory-user", user.to_string());
        let refused = server.post("/api/turns", new_turn()).await;
        refused.is_problem(429, "rate_limited");

        let other = deployment.as_somebody();
        other.post("/api/turns", new_turn()).await.is(201);
    });
}

#[test]
fn each_class_has_a_budget_of_its_own_and_a_refused_request_keeps_its_headers() {
    on_own_deployments(limited, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        let context = json!({ "query": "tea", "deadlineMs": 5000 });
        let session = json!({ "sessionId": "s" });
        for (method, path, body, budget) in [
            ("POST", "/api/context", &context, 3),
            ("GET", "/api/sessions", &Value::Null, 3),
            ("POST", "/api/sessions/sync", &session, 1),
            ("POST", "/api/sessions/backfill", &session, 1),
            ("GET", "/api/memory/export", &Value::Null, 1),
        ] {
            counting(deployment, method, path, body.clone()).await;
            let client = deployment.as_somebody();
            let mut passed = 0;
            loop {
                let reply = match method {
                    "GET" => client.get(path).await,
                    _ => client.post(path, body.clone()).await,
                };
                assert!(is_counted(&reply), "{reply:?}");
                if reply.status == 429 {
                    reply.is_problem(429, "rate_limited");
                    break;
                }
                passed += 1;
                assert!(passed <= budget, "{reply:?}");
            }
            assert_eq!(passed, budget, "{path}");
        }
    });
}

#[test]
fn jobs_erasures_and_health_are_never_limited() {
    on_own_deployments(limited, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        counting(deployment, "POST", "/api/turns", new_turn()).await;
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        for _ in 0..4 {
            client.post("/api/turns", new_turn()).await;
        }
        for _ in 0..5 {
            let reply = client.get("/api/memory").await;
            reply.is(200);
            assert!(!is_counted(&reply), "{reply:?}");
            let reply = client.delete("/api/sessions/unknown").await;
            assert!([202, 404].contains(&reply.status), "{reply:?}");
            assert!(!is_counted(&reply), "{reply:?}");
            let reply = deployment.as_nobody().get("/api/health").await;
            assert!(!is_counted(&reply), "{reply:?}");
            let delivery = Signed::new(deployment, "embed", b"{\"version\": 9}");
            let reply = delivery.send().await;
            assert!(!is_counted(&reply) && reply.status != 429, "{reply:?}");
        }
        let reply = client.delete("/api/memory").await;
        reply.is(202);
        // The counters are the user's too.
        let pattern = format!("memory:{user}:turns*");
        for _ in 0..200 {
            if redis.command(&["KEYS", &pattern]).await == json!([]) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("an erasure left a counter");
    });
}

#[test]
fn when_redis_is_down_requests_pass_soon_and_say_so() {
    on_own_deployments(limited, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        counting(deployment, "GET", "/api/sessions", Value::Null).await;
        let client = deployment.as_somebody();
        redis.faults().set(Fault::Hang);
        let mut slowest = Duration::ZERO;
        for _ in 0..8 {
            let reply = client.get("/api/sessions").await;
            reply.is(200);
            assert!(was_not_counted(&reply) && !is_counted(&reply), "{reply:?}");
            slowest = slowest.max(reply.took);
        }
        println!("slowest while Redis hangs: {slowest:?}");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        assert!(deployment.log().contains("not counted"));
        redis.faults().set(Fault::None);
        counting(deployment, "GET", "/api/sessions", Value::Null).await;
    });
}

#[test]
fn without_the_variable_nothing_is_limited_or_told() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        for _ in 0..5 {
            let reply = client.post("/api/turns", new_turn()).await;
            reply.is(201);
            assert!(!was_not_counted(&reply), "{reply:?}");
            for header in HEADERS {
                assert_eq!(reply.header(header), "");
            }
        }
    });
}
