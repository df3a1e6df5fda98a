//! The sweeper: what QStash loses, or is not there for, is done all the same.

mod callbacks;
mod cost;
mod lost;

use std::collections::BTreeMap;
use std::time::Duration;

use black_box::{Deployment, Reply, Signed, on_own_deployments, turn, until};
use devstack::stack::StackSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

const EMBEDDED: &str = "select count(*) from memories.turn_embeddings where user_id = any($1)";

fn with(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

/// Without a token nothing is published, and the sweeper works by itself.
fn quiet(settings: &mut StackSettings) {
    settings.env = with(&[("QSTASH_TOKEN", "")]);
}

/// After one second a job is late. For the connections that are opened from now on, so all others are
/// cut.
async fn impatient(deployment: &Deployment) {
    let name = deployment.database.name();
    let admin = deployment.admin().await;
    admin
        .batch_execute(&format!(
            "alter database {name} set memories.job_patience = '1';
             select pg_terminate_backend(pid) from pg_stat_activity
             where datname = '{name}' and usename = 'memory_orchestrator'"
        ))
        .await
        .unwrap();
}

/// Every queued job is late.
async fn hasten(deployment: &Deployment) {
    let late = "update pgmq.q_memory_embed set vt = now()";
    deployment.admin().await.execute(late, &[]).await.unwrap();
}

async fn sweep(deployment: &Deployment) -> Reply {
    let service = deployment.as_service();
    let reply = service.post("/api/jobs/sweep", json!({})).await;
    reply.is(200);
    reply
}

/// Sweeps twice a second until all of these turns are embedded.
async fn swept(deployment: &Deployment, users: &Vec<Uuid>, turns: i64) {
    until(async || {
        sweep(deployment).await;
        tokio::time::sleep(Duration::from_millis(450)).await;
        deployment.count(EMBEDDED, &[users]).await == turns
    })
    .await;
}

#[test]
fn of_two_sweeps_at_once_one_has_nothing_to_do() {
    on_own_deployments(quiet, async |deployment| {
        let user = Uuid::new_v4();
        deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        hasten(deployment).await;
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        embedder.hang(true);
        let second = async {
            until(async || embedder.requests().count == 1).await;
            let second = sweep(deployment).await;
            embedder.hang(false);
            second
        };
        let (first, second) = tokio::join!(sweep(deployment), second);
        assert_eq!(first.body["sweep"]["worked"], 1, "{first:?}");
        assert_eq!(second.body["outcome"], "leased", "{second:?}");
        assert_eq!(second.body["sweep"], Value::Null, "{second:?}");
        // The first has ended, so that the next one begins at once.
        assert_eq!(sweep(deployment).await.body["outcome"], "done");
    });
}

#[test]
fn only_qstash_and_the_service_may_sweep() {
    on_own_deployments(quiet, async |deployment| {
        let path = "/api/jobs/sweep";
        let signed = || Signed::new(deployment, "sweep", "");
        let refused = [
            deployment.as_nobody().post(path, json!({})).await,
            deployment.as_somebody().post(path, json!({})).await,
            deployment
                .as_nobody()
                .with_token("a.b.c")
                .post(path, json!({}))
                .await,
            signed().key("another key").send().await,
            signed().altered("{}").send().await,
            Signed::new(deployment, "embed", "")
                .claim("sub", "https://elsewhere.example/api/jobs/sweep")
                .send()
                .await,
        ];
        for reply in refused {
            reply.is_problem(401, "unauthorized");
        }
        let swept = "select count(*) from memories.sweeps where swept_at is not null";
        assert_eq!(deployment.count(swept, &[]).await, 0);
        signed().send().await.is(200);
        sweep(deployment).await;
    });
}

#[test]
fn turns_whose_jobs_an_operator_purged_get_new_ones() {
    on_own_deployments(quiet, async |deployment| {
        let users = vec![Uuid::new_v4(), Uuid::new_v4()];
        for user in &users {
            let turns: Vec<_> = (0..100).map(|n| turn(&n.to_string(), "tea")).collect();
            deployment.as_user(*user).record("s", &turns).await;
        }
        let more: Vec<_> = (100..150).map(|n| turn(&n.to_string(), "milk")).collect();
        deployment.as_user(users[0]).record("s", &more).await;
        let admin = deployment.admin().await;
        admin
            .batch_execute(
                "delete from pgmq.q_memory_embed;
                 update memories.adapter_syncs set enqueued_at = now() - interval '1 hour'",
            )
            .await
            .unwrap();
        let reply = sweep(deployment).await;
        // A hundred turns a job, as ever.
        let report = json!({ "taken": 3, "sent": 0, "worked": 3, "adopted": 250 });
        assert_eq!(reply.body["sweep"], report, "{reply:?}");
        assert_eq!(deployment.count(EMBEDDED, &[&users]).await, 250);
        let again = sweep(deployment).await;
        assert_eq!(again.body["sweep"]["adopted"], 0, "{again:?}");
    });
}

#[test]
fn a_sweep_takes_no_more_than_its_batch() {
    let small = |settings: &mut StackSettings| {
        settings.env = with(&[("QSTASH_TOKEN", ""), ("MEMORY_SWEEP_BATCH", "2")]);
    };
    on_own_deployments(small, async |deployment| {
        let users: Vec<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            deployment
                .as_user(*user)
                .record("s", &[turn("1", "tea")])
                .await;
        }
        hasten(deployment).await;
        for taken in [2, 2, 1, 0] {
            let reply = sweep(deployment).await;
            assert_eq!(reply.body["sweep"]["taken"], taken, "{reply:?}");
            assert_eq!(reply.body["sweep"]["worked"], taken, "{reply:?}");
        }
        assert_eq!(deployment.count(EMBEDDED, &[&users]).await, 5);
    });
}

#[test]
fn behind_an_open_circuit_jobs_wait_and_burn_no_attempts() {
    on_own_deployments(quiet, async |deployment| {
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        embedder.fail_next(usize::MAX, StatusCode::UNAUTHORIZED, None);
        let users: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            deployment
                .as_user(*user)
                .record("s", &[turn("1", "tea")])
                .await;
        }
        hasten(deployment).await;
        let first = sweep(deployment).await;
        assert_eq!(first.body["sweep"]["taken"], 3, "{first:?}");
        assert_eq!(first.body["sweep"]["worked"], 0, "{first:?}");
        let opened = "select count(*) from memories.sync_health
            where adapter = 'embed' and circuit = 'open' and reason = 'denied' and pending = 3";
        assert_eq!(deployment.count(opened, &[]).await, 1);
        let asked = embedder.requests().count;
        hasten(deployment).await;
        let left = sweep(deployment).await;
        assert_eq!(left.body["sweep"]["taken"], 0, "{left:?}");
        assert_eq!(embedder.requests().count, asked);
        let burnt = "select sum(attempts) from memories.adapter_syncs";
        assert_eq!(deployment.count(burnt, &[]).await, 0);

        // The key is mended, and the time to look again has come.
        embedder.fail_next(0, StatusCode::OK, None);
        let admin = deployment.admin().await;
        let look = "update memories.adapter_states set retry_at = now() where state = 'open'";
        admin.execute(look, &[]).await.unwrap();
        // One attempt looks for all; the others wait for what it finds.
        until(async || {
            hasten(deployment).await;
            sweep(deployment).await;
            deployment.count(EMBEDDED, &[&users]).await == 3
        })
        .await;
        let closed = "select count(*) from memories.sync_health where circuit = 'closed'";
        assert_eq!(deployment.count(closed, &[]).await, 2);
    });
}
