//! Bad days: a part is down, or the deployment is not set up.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::Duration;

use black_box::{Deployment, Signed, on_own_deployments, run, turn};
use devstack::functions::Host;
use devstack::{ports, stack::StackSettings};
use serde_json::json;
use uuid::Uuid;

fn with(name: &'static str, value: &str) -> impl Fn(&mut StackSettings) + use<> {
    let value = value.to_owned();
    move |settings| {
        settings.env.insert(name.to_owned(), value.clone());
    }
}

#[test]
fn without_qstash_a_turn_is_recorded_and_a_later_sync_sends_its_job() {
    run(async {
        for host in Host::ALL {
            let down = with(
                "QSTASH_URL",
                &format!("http://127.0.0.1:{}", ports::free().unwrap()),
            );
            let down = Deployment::start(host, down).await;
            let user = Uuid::new_v4();
            let reply = down.as_user(user).record("s", &[turn("1", "tea")]).await;
            assert_eq!(reply.body["status"], "partial", "{reply:?}");
            assert_eq!(reply.body["adapters"]["supabase"]["status"], "ok");
            assert_eq!(reply.body["adapters"]["upstash"]["status"], "error");
            assert!(reply.took < Duration::from_millis(1500), "{reply:?}");
            let sync = json!({ "sessionId": "s" });
            let sync = down.as_user(user).post("/api/sessions/sync", sync).await;
            sync.is(202);
            assert_eq!(sync.body["status"], "partial", "{sync:?}");
            assert_eq!(sync.body["pending"]["embed"], 1);

            let up = Deployment::over(down.database.clone(), host, |_| {}).await;
            up.as_user(user).get("/api/sessions/s").await.is(200);
            up.as_user(user).synced("s").await;
        }
    });
}

#[test]
fn a_qstash_that_hangs_costs_half_a_second() {
    // Accepts connections into its backlog, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    on_own_deployments(with("QSTASH_URL", &url), async |deployment| {
        let reply = deployment
            .as_somebody()
            .record("s", &[turn("1", "tea")])
            .await;
        assert_eq!(reply.body["status"], "partial", "{reply:?}");
        assert!(reply.took < Duration::from_millis(1500), "{reply:?}");
    });
}

#[test]
fn without_a_database_every_intent_answers_503_within_its_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address.port()))
        .unwrap();
    for port in [ports::free().unwrap(), silent.1] {
        let away = |settings: &mut StackSettings| {
            settings.database_url =
                format!("postgres://memory_orchestrator:x@127.0.0.1:{port}/x?sslmode=disable");
        };
        on_own_deployments(away, async |deployment| {
            let user = deployment.as_somebody();
            let session = || json!({ "sessionId": "s" });
            let turns = json!({ "sessionId": "s", "turns": [turn("1", "x")] });
            let job = json!({ "version": 1, "userId": Uuid::new_v4(), "jobs": { "embed": 1 } });
            let (a, b, c, d, e, f, g) = tokio::join!(
                user.post("/api/turns", turns),
                user.post("/api/context", session()),
                user.post("/api/sessions/sync", session()),
                user.post("/api/sessions/backfill", session()),
                user.get("/api/sessions"),
                user.get("/api/sessions/s"),
                Signed::new(deployment, "embed", job.to_string()).send(),
            );
            for reply in [&a, &b, &c, &d, &e, &f] {
                assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
            }
            // QStash spaces its attempts itself, and better than one guess of ours.
            assert!(g.header("retry-after").is_empty(), "{g:?}");
            for reply in [a, b, c, d, e, f, g] {
                reply.is_problem(503, "unavailable");
                assert!(reply.took < Duration::from_millis(3500), "{reply:?}");
            }
            let ready = deployment.as_service().get("/api/health").await;
            ready.is(503);
            assert_eq!(
                ready.body["adapters"]["supabase"]["status"], "error",
                "{ready:?}"
            );
            deployment.as_nobody().get("/api/health").await.is(200);
        });
    }
}

#[test]
fn connections_that_the_database_has_cut_are_not_noticed() {
    on_own_deployments(
        |_| {},
        async |deployment| {
            let user = deployment.as_somebody();
            user.record("s", &[turn("1", "tea")]).await;
            user.synced("s").await;
            for number in 2..5 {
                let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and usename = 'memory_orchestrator'";
                assert!(deployment.count(cut, &[]).await > 0);
                user.record("s", &[turn(&number.to_string(), "more tea")])
                    .await;
                user.get("/api/sessions/s").await.is(200);
                user.context(json!({ "sessionId": "s" })).await;
            }
            let synced = user.synced("s").await;
            assert_eq!(synced.body["status"], "ok");
        },
    );
}

#[test]
fn a_missing_variable_is_answered_with_503_and_named_in_the_log() {
    for name in ["SUPABASE_JWT_SECRET", "DATABASE_URL"] {
        on_own_deployments(with(name, ""), async |deployment| {
            let user = deployment.as_somebody();
            user.post("/api/turns", json!({}))
                .await
                .is_problem(503, "misconfigured");
            user.get("/api/sessions")
                .await
                .is_problem(503, "misconfigured");
            deployment
                .as_nobody()
                .get("/api/health")
                .await
                .is_problem(503, "misconfigured");
            let log = deployment.log();
            assert!(log.contains(&format!("{name} is missing")), "{log}");
        });
    }
}

#[test]
fn switched_off_it_answers_at_once_and_finishes_what_it_had_accepted() {
    run(async {
        for host in Host::ALL {
            let quiet = Deployment::start(host, with("QSTASH_TOKEN", "")).await;
            let user = Uuid::new_v4();
            quiet.as_user(user).record("s", &[turn("1", "tea")]).await;

            let off = with("MEMORY_ORCHESTRATOR_ENABLED", "false");
            let off = Deployment::over(quiet.database.clone(), host, off).await;
            let client = off.as_user(user);
            for reply in [
                client.post("/api/turns", json!({})).await,
                client.post("/api/context", json!({})).await,
                client.get("/api/sessions").await,
                off.as_nobody().get("/api/sessions/s").await,
            ] {
                reply.is_problem(503, "orchestrator_disabled");
                assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
            }
            client.get("/api/health").await.is(200);
            let job = "select msg_id from pgmq.q_memory_embed";
            let job = off.count(job, &[]).await;
            let job = json!({ "version": 1, "userId": user, "jobs": { "embed": job } });
            let done = Signed::new(&off, "embed", job.to_string()).send().await;
            done.is(200);
            assert_eq!(done.body["outcome"], "done");
        }
    });
}

#[test]
fn without_a_provider_context_is_found_by_words() {
    let none = |settings: &mut StackSettings| {
        settings.embedder = devstack::stack::EmbedderChoice::None;
        settings.env = BTreeMap::from([("QSTASH_TOKEN".to_owned(), String::new())]);
    };
    on_own_deployments(none, async |deployment| {
        let user = deployment.as_somebody();
        let recorded = user.record("s", &[turn("1", "tea and toast")]).await;
        assert_eq!(recorded.body["status"], "ok");
        assert_eq!(recorded.body["adapters"]["upstash"]["status"], "skipped");
        let context = user.context(json!({ "query": "toast" })).await;
        assert_eq!(context.each("items", "id"), ["1"], "{context:?}");
        assert_eq!(context.body["degraded"], json!([]));
        let ready = deployment.as_service().get("/api/health").await;
        ready.is(200);
        assert_eq!(ready.body["adapters"]["embeddings"]["status"], "skipped");
    });
}
