//! Rate limits, black-box: who is turned away and what he is told, who never is, and what happens when nobody counts.

use std::time::{Duration, SystemTime};

use black_box::{Client, Reply, Signed, on_both_hosts, on_own_deployments, turn, until};
use devstack::redis::Fault;
use devstack::stack::StackSettings;
use serde_json::json;
use uuid::Uuid;

const HEADERS: [&str; 3] = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"];

/// Windows of a day, so that none ends while a test runs.
fn limited(settings: &mut StackSettings) {
    settings.redis = true;
    let limits = "turns=sliding:3/1d context=bucket:1/1d:3 sessions=fixed:3/1d sync=fixed:1/1d \
                  backfill=fixed:1/1d export=fixed:1/1d";
    settings
        .env
        .insert("MEMORY_LIMITS".to_owned(), limits.to_owned());
}

fn is_counted(reply: &Reply) -> bool {
    HEADERS.iter().all(|name| !reply.header(name).is_empty())
}

/// Nothing when the request passed uncounted, and the scenario says nothing.
fn counted(reply: Reply) -> Option<Reply> {
    is_counted(&reply).then_some(reply)
}

fn was_not_counted(reply: &Reply) -> bool {
    reply.header("server-timing").contains("ratelimit;desc=")
}

/// Runs a scenario, and again, with another user, while one of its requests passes uncounted: on a busy machine 40 ms may
/// not be enough, and then a function does not ask for two seconds.
async fn steadily(scenario: impl AsyncFn(Uuid) -> Option<()>) {
    let mut times = 0;
    while scenario(Uuid::new_v4()).await.is_none() {
        times += 1;
        assert!(times < 10, "nobody counts");
        tokio::time::sleep(Duration::from_millis(2100)).await;
    }
}

async fn record(client: &Client<'_>) -> Reply {
    let turn = turn(&Uuid::new_v4().to_string(), "Tea at five");
    let body = json!({ "sessionId": "s", "turns": [turn] });
    client.post("/api/turns", body).await
}

#[test]
fn a_budget_is_told_spent_and_nobody_elses() {
    on_own_deployments(limited, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        steadily(async |user| {
            let client = deployment.as_user(user);
            for left in ["2", "1", "0"] {
                let reply = counted(record(&client).await)?;
                reply.is(201);
                assert_eq!(reply.header("ratelimit-limit"), "3", "{reply:?}");
                assert_eq!(reply.header("ratelimit-remaining"), left, "{reply:?}");
                let reset: u64 = reply.header("ratelimit-reset").parse().unwrap();
                assert!((1..=24 * 3600).contains(&reset), "{reset}");
                assert_eq!(reply.header("retry-after"), "");
            }
            let refused = counted(record(&client).await)?;
            refused.is_problem(429, "rate_limited");
            assert_eq!(refused.header("ratelimit-remaining"), "0");
            let reset = refused.header("ratelimit-reset");
            assert_eq!(refused.header("retry-after"), reset);
            // Nothing was done.
            let turns = "select count(*) from memories.turns where user_id = $1";
            assert_eq!(deployment.count(turns, &[&user]).await, 3);

            // The budget comes before the body.
            let wrong = counted(client.post("/api/turns", json!({})).await)?;
            wrong.is_problem(429, "rate_limited");
            // The team's server takes from the budget of the user that it acts for.
            let server = deployment.as_service();
            let server = server.with("x-memory-user", user.to_string());
            let refused = counted(record(&server).await)?;
            refused.is_problem(429, "rate_limited");
            let other = counted(record(&deployment.as_somebody()).await)?;
            other.is(201);
            Some(())
        })
        .await;
    });
}

#[test]
fn each_class_has_a_budget_of_its_own() {
    on_own_deployments(limited, async |deployment| {
        if deployment.stack.redis.is_none() {
            return;
        }
        let context = json!({ "query": "tea", "deadlineMs": 5000 });
        let session = json!({ "sessionId": "s" });
        for (path, body, budget) in [
            ("/api/context", Some(&context), 3),
            ("/api/sessions", None, 3),
            ("/api/sessions/s", None, 3),
            ("/api/sessions/sync", Some(&session), 1),
            ("/api/sessions/backfill", Some(&session), 1),
            ("/api/memory/export", None, 1),
        ] {
            steadily(async |user| {
                let client = deployment.as_user(user);
                let ask = async || match body {
                    Some(body) => client.post(path, body.clone()).await,
                    None => client.get(path).await,
                };
                for _ in 0..budget {
                    let reply = counted(ask().await)?;
                    assert!([200, 404].contains(&reply.status), "{reply:?}");
                }
                let refused = counted(ask().await)?;
                refused.is_problem(429, "rate_limited");
                Some(())
            })
            .await;
        }
    });
}

#[test]
fn what_the_app_took_is_gone_and_a_foreign_key_lets_only_its_user_pass() {
    on_own_deployments(limited, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        steadily(async |user| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let day = since.unwrap().as_secs() / (24 * 3600);
            // As `fixedWindow(3, "1 d")` with the prefix `memory` does for `limit("{user}:sessions")`.
            let key = format!("memory:{user}:sessions:{day}");
            redis.command(&["INCRBY", &key, "2"]).await;
            let client = deployment.as_user(user);
            let reply = counted(client.get("/api/sessions").await)?;
            assert_eq!(reply.header("ratelimit-remaining"), "0", "{reply:?}");
            let refused = counted(client.get("/api/sessions").await)?;
            refused.is_problem(429, "rate_limited");
            assert_eq!(redis.command(&["GET", &key]).await, "4");

            redis.command(&["DEL", &key]).await;
            redis.command(&["RPUSH", &key, "rubbish"]).await;
            let reply = client.get("/api/sessions").await;
            reply.is(200);
            assert!(was_not_counted(&reply), "{reply:?}");
            counted(deployment.as_somebody().get("/api/sessions").await).map(drop)
        })
        .await;
    });
}

#[test]
fn jobs_erasures_and_health_are_never_limited_and_an_erasure_takes_the_counters() {
    on_own_deployments(limited, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        steadily(async |user| {
            let client = deployment.as_user(user);
            for _ in 0..4 {
                counted(record(&client).await)?;
            }
            for _ in 0..5 {
                let delivery = Signed::new(deployment, "embed", b"{\"version\": 9}");
                for reply in [
                    client.get("/api/memory").await,
                    client.delete("/api/sessions/unknown").await,
                    deployment.as_nobody().get("/api/health").await,
                    delivery.send().await,
                ] {
                    assert!(reply.status != 429 && !is_counted(&reply), "{reply:?}");
                    assert!(!was_not_counted(&reply), "{reply:?}");
                }
            }
            let pattern = format!("memory:{user}:turns*");
            let counters = async || redis.command(&["KEYS", &pattern]).await;
            assert_eq!(counters().await.as_array().unwrap().len(), 1);
            client.delete("/api/memory").await.is(202);
            until(async || counters().await == json!([])).await;
            Some(())
        })
        .await;
    });
}

#[test]
fn when_redis_is_down_requests_pass_soon_and_say_so() {
    on_own_deployments(limited, async |deployment| {
        let Some(redis) = &deployment.stack.redis else {
            return;
        };
        let works = async |user| {
            let reply = deployment.as_user(user).get("/api/sessions").await;
            counted(reply).map(drop)
        };
        steadily(works).await;
        let client = deployment.as_somebody();
        for fault in [
            Fault::Hang,
            Fault::Cut,
            Fault::Garble("[{\"result\": \"many\"}]".to_owned()),
        ] {
            redis.faults().set(fault);
            for _ in 0..8 {
                let reply = client.get("/api/sessions").await;
                reply.is(200);
                assert!(was_not_counted(&reply) && !is_counted(&reply), "{reply:?}");
                assert!(reply.took < Duration::from_secs(1), "{reply:?}");
            }
            redis.faults().set(Fault::None);
            steadily(works).await;
        }
        assert!(deployment.log().contains("not counted"));
    });
}

#[test]
fn without_the_variable_nothing_is_limited_or_told() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        for _ in 0..5 {
            let reply = record(&client).await;
            reply.is(201);
            assert!(!was_not_counted(&reply), "{reply:?}");
            for header in HEADERS {
                assert_eq!(reply.header(header), "");
            }
        }
    });
}
