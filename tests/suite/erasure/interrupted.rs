//! Erasures that are killed, refused, or overtaken by what was under way.

use std::time::{Duration, Instant};

use black_box::{Reply, on_own_deployments, turn, until};
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    confirmed, erased, everything, facts_of, keys_with, pass_the_time, rows_with, settled,
};

/// A moment from 0 to 60 ms, another each time.
fn moment() -> Duration {
    Duration::from_micros(u64::from(Uuid::new_v4().as_bytes()[0]) * 235)
}

#[test]
fn killed_at_any_point_an_erasure_is_finished_later() {
    on_own_deployments(everything, async |deployment| {
        let users: Vec<Uuid> = (0..6).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            settled(deployment, *user, "s", &[turn("1", "tea")]).await;
        }
        for user in &users {
            let client = deployment.as_user(*user);
            // The request itself may die; then it is sent again, as after any lost reply.
            let url = format!("{}/api/memory", deployment.stack.url);
            let token = deployment.stack.user_token(*user).unwrap();
            let first = reqwest::Client::new().delete(url).bearer_auth(token);
            let kill = async {
                tokio::time::sleep(moment() / 4).await;
                deployment.stack.functions.kill("memory").unwrap();
            };
            // Whatever it came to.
            let _ = tokio::join!(first.send(), kill);
            erased(&client).await;
            // QStash is delivering it, and tries again; now and then it is the sweep that dies.
            for name in ["jobs", "jobs"] {
                tokio::time::sleep(moment()).await;
                deployment.stack.functions.kill(name).unwrap();
            }
        }
        // A killed attempt has its lease still.
        let admin = deployment.admin().await;
        let expired =
            "update memories.erasures set leased_until = now() where confirmed_at is null";
        admin.execute(expired, &[]).await.unwrap();
        for user in &users {
            confirmed(deployment, &deployment.as_user(*user)).await;
            assert_eq!(rows_with(deployment, &user.to_string()).await, []);
            assert_eq!(
                keys_with(deployment, &user.to_string()).await,
                Vec::<String>::new()
            );
            assert_eq!(facts_of(deployment, *user), 0);
        }
    });
}

#[test]
fn while_mem0_is_away_an_erasure_waits_and_is_no_dead_letter() {
    on_own_deployments(everything, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        settled(deployment, user, "s", &[turn("1", "tea")]).await;
        let mem0 = deployment.stack.mem0.as_ref().unwrap();
        mem0.faults().refuse_key(true);
        erased(&client).await;
        let denied = "select count(*) from memories.erasures
            where confirmed_at is null and last_error_code = 'mem0_denied' and attempts >= 2";
        until(async || {
            pass_the_time(deployment).await;
            deployment
                .as_service()
                .post("/api/jobs/sweep", json!({}))
                .await
                .is(200);
            deployment.count(denied, &[]).await == 1
        })
        .await;
        let record = client.get("/api/memory").await;
        assert_eq!(record.body["erasures"][0]["mem0"], "pending", "{record:?}");
        let waits = "select pending from memories.erasure_health";
        assert_eq!(deployment.count(waits, &[]).await, 1);
        mem0.faults().refuse_key(false);
        confirmed(deployment, &client).await;
        assert_eq!(facts_of(deployment, user), 0);
        assert_eq!(deployment.count(waits, &[]).await, 0);
    });
}

#[test]
fn a_push_that_was_under_way_is_erased_too() {
    let slow = |settings: &mut StackSettings| {
        everything(settings);
        settings.redis = false;
    };
    on_own_deployments(slow, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let mem0 = deployment.stack.mem0.as_ref().unwrap();
        // Accepted, and kept seconds later.
        mem0.set_delay(Duration::from_secs(3));
        client.record("s", &[turn("1", "tea")]).await;
        until(async || !mem0.pushes().is_empty()).await;
        erased(&client).await;
        let open = "select count(*) from memories.erasures where settles_at > now() + interval '10 seconds'";
        assert_eq!(deployment.count(open, &[]).await, 1);
        tokio::time::sleep(Duration::from_secs(4)).await;
        confirmed(deployment, &client).await;
        assert_eq!(facts_of(deployment, user), 0);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(facts_of(deployment, user), 0);
    });
}

#[test]
fn what_is_recorded_sent_again_synced_and_swept_while_it_is_erased_stays_erased() {
    on_own_deployments(everything, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let until = Instant::now() + Duration::from_secs(6);
        // Refused or not there is as good as done; a failure is not.
        let fine = |reply: &Reply| {
            assert!(
                [200, 201, 202, 404, 410].contains(&reply.status),
                "{reply:?}"
            );
        };
        let writer = async |session: &'static str| {
            let mut taken: Vec<Value> = Vec::new();
            for number in 0.. {
                if Instant::now() > until {
                    break;
                }
                // A new turn, and an old one that may have been erased.
                let new = turn(&format!("{session}{number}"), "tea");
                let mut bodies = vec![vec![new.clone()]];
                bodies.extend(taken.get(number / 2).map(|old| vec![old.clone()]));
                for turns in bodies {
                    let body = json!({ "sessionId": session, "turns": turns });
                    let reply = client.post("/api/turns", body).await;
                    fine(&reply);
                    if reply.status == 201 {
                        taken.extend(turns);
                    }
                }
            }
            taken
        };
        let eraser = async |path: &'static str| {
            while Instant::now() < until {
                fine(&client.delete(path).await);
                tokio::time::sleep(moment()).await;
            }
        };
        let rest = async {
            while Instant::now() < until {
                let sync = json!({ "sessionId": "a" });
                fine(&client.post("/api/sessions/sync", sync).await);
                let query = json!({ "query": "tea", "sessionId": "b", "deadlineMs": 5000 });
                fine(&client.post("/api/context", query).await);
                let service = deployment.as_service();
                fine(&service.post("/api/jobs/sweep", json!({})).await);
            }
        };
        let (a, b, (), (), ()) = tokio::join!(
            writer("a"),
            writer("b"),
            eraser("/api/memory"),
            eraser("/api/sessions/a"),
            rest
        );
        assert!(a.len() + b.len() > 10, "{} and {}", a.len(), b.len());
        erased(&client).await;
        for (session, turns) in [("a", a), ("b", b)] {
            for turns in turns.chunks(100) {
                let body = json!({ "sessionId": session, "turns": turns });
                let reply = client.post("/api/turns", body).await;
                reply.is_problem(410, "turn_erased");
                assert_eq!(reply.pointers().len(), turns.len(), "{reply:?}");
            }
        }
        confirmed(deployment, &client).await;
        assert_eq!(rows_with(deployment, &user.to_string()).await, []);
        assert_eq!(
            keys_with(deployment, &user.to_string()).await,
            Vec::<String>::new()
        );
        assert_eq!(facts_of(deployment, user), 0);
    });
}
