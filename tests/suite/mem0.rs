//! Turns on their way to Mem0, and facts on their way back, over its fake.

mod facts;
mod refused;
mod repeats;
mod troubles;

use black_box::{Deployment, Reply, Signed, on_own_deployments, turn, until};
use devstack::mem0::Mem0;
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

/// Functions that have Mem0, and these variables.
fn with(variables: &[(&'static str, &'static str)]) -> impl Fn(&mut StackSettings) + use<> {
    let variables = variables.to_vec();
    move |settings| {
        settings.mem0 = true;
        let owned = variables.iter();
        let owned = owned.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        settings.env.extend(owned);
    }
}

/// Nothing is published: jobs are worked when a test delivers them.
const QUIET: (&str, &str) = ("QSTASH_TOKEN", "");

fn fake(deployment: &Deployment) -> &Mem0 {
    deployment.stack.mem0.as_ref().unwrap()
}

/// What Mem0 keeps, in order of arrival.
fn kept(deployment: &Deployment) -> Vec<String> {
    let memories = fake(deployment).memories().into_iter();
    memories.map(|memory| memory.text).collect()
}

/// The body of a delivery of the oldest job that a user's turns wait in.
async fn waiting(deployment: &Deployment, user: Uuid, adapter: &str) -> String {
    let job = "select min(job_id) from memories.adapter_syncs
        where user_id = $1 and adapter = $2 and state = 'pending'";
    let job = deployment.count(job, &[&user, &adapter]).await;
    json!({ "version": 1, "userId": user, "jobs": { adapter: job } }).to_string()
}

/// Delivers that job.
async fn deliver(deployment: &Deployment, user: Uuid, adapter: &str) -> Reply {
    let body = waiting(deployment, user, adapter).await;
    Signed::new(deployment, adapter, body).send().await
}

/// Sweeps until a user's turns wait no more: what QStash has given up, or would not take twice within a minute, is
/// the sweeper's.
async fn swept(deployment: &Deployment, user: Uuid) {
    let late = "update pgmq.q_memory_mem0 set vt = now()";
    let waits =
        "select count(*) from memories.adapter_syncs where user_id = $1 and state = 'pending'";
    until(async || {
        deployment.admin().await.execute(late, &[]).await.unwrap();
        let service = deployment.as_service();
        service.post("/api/jobs/sweep", json!({})).await.is(200);
        deployment.count(waits, &[&user]).await == 0
    })
    .await;
}

/// A sync's answer.
async fn sync(deployment: &Deployment, user: Uuid) -> Value {
    let client = deployment.as_user(user);
    let reply = client
        .post("/api/sessions/sync", json!({ "sessionId": "s" }))
        .await;
    reply.is(202);
    reply.body
}

/// The attempts at a user's pushes so far.
async fn attempts(deployment: &Deployment, user: Uuid) -> i64 {
    let attempts = "select sum(attempts) from memories.adapter_syncs
        where user_id = $1 and adapter = 'mem0'";
    deployment.count(attempts, &[&user]).await
}

/// One turn of each role, one without text, and what may not leave.
fn conversation() -> [Value; 5] {
    let told = "I moved to Porto. Mail ana.silva@example.com, call +351 912 345 678, card 4111 1111 1111 1111.";
    [
        turn("1", told),
        json!({ "id": "2", "role": "assistant", "content": "How is the new flat?" }),
        json!({ "id": "3", "role": "tool", "content": "{\"rows\": 12}" }),
        json!({ "id": "4", "role": "system", "content": "Be brief." }),
        turn("5", ""),
    ]
}

const SECRETS: [&str; 5] = ["ana.silva", "912 345", "912345", "4111 1111", "41111111"];

async fn main_job(deployment: &Deployment, pushed: &[&str]) {
    let user = Uuid::new_v4();
    let client = deployment.as_user(user);
    let recorded = client.record("s", &conversation()).await;
    assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
    assert_eq!(recorded.body["adapters"]["mem0"]["status"], "ok");
    let synced = client.synced("s").await;
    assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");

    let session = "select id::text from memories.sessions where user_id = $1";
    let row = deployment.admin().await.query_one(session, &[&user]).await;
    let session: String = row.unwrap().get(0);
    let turns = recorded.each("turns", "turnId");
    let mut pushes = fake(deployment).pushes();
    pushes.sort_by_key(|push| turns.iter().position(|id| *id == push.metadata["turnId"]));
    let texts: Vec<_> = pushes.iter().flat_map(|push| &push.texts).collect();
    assert_eq!(texts, pushed);
    for (push, turn) in pushes.iter().zip(&turns) {
        assert_eq!(push.user_id, Some(user.to_string()), "{push:?}");
        assert_eq!(push.run_id.as_ref(), Some(&session), "{push:?}");
        assert_eq!(push.metadata["turnId"], *turn, "{push:?}");
        assert_eq!(push.metadata["revision"], 1, "{push:?}");
    }
    assert_eq!(kept(deployment).len(), pushed.len());

    for request in fake(deployment).received() {
        for secret in SECRETS {
            assert!(!request.contains(secret), "{request}");
        }
    }
    let whole = "select count(*) from memories.turns where user_id = $1 and text = $2";
    let told = conversation()[0]["content"].as_str().unwrap().to_owned();
    assert_eq!(deployment.count(whole, &[&user, &told]).await, 1);
    let skipped = "select count(*) from memories.adapter_syncs
        where user_id = $1 and adapter = 'mem0' and state = 'skipped'";
    let skipped = deployment.count(skipped, &[&user]).await;
    assert_eq!(skipped, 5 - i64::try_from(pushed.len()).unwrap());
}

const TOLD: &str = "I moved to Porto. Mail [EMAIL_1], call [PHONE_1], card [CARD_1].";
const ASKED: &str = "How is the new flat?";

#[test]
fn what_users_and_assistants_say_is_pushed_once_and_redacted() {
    on_own_deployments(with(&[]), async |deployment| {
        main_job(deployment, &[TOLD, ASKED]).await;
        assert!(fake(deployment).pushes()[0].by_platform);
    });
}

#[test]
fn so_it_is_to_a_self_hosted_server() {
    on_own_deployments(with(&[("MEM0_API", "server")]), async |deployment| {
        main_job(deployment, &[TOLD, ASKED]).await;
        assert!(!fake(deployment).pushes()[0].by_platform);
    });
}

#[test]
fn whose_turns_are_pushed_can_be_chosen() {
    let all = with(&[("MEM0_ROLES", "user,assistant,tool,system")]);
    on_own_deployments(all, async |deployment| {
        main_job(deployment, &[TOLD, ASKED, "{\"rows\": 12}", "Be brief."]).await;
    });
}

#[test]
fn a_sync_counts_what_each_adapter_still_misses() {
    on_own_deployments(with(&[QUIET]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let recorded = client.record("s", &conversation()).await;
        assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
        for (adapter, embed, mem0) in [("embed", 4, 2), ("mem0", 0, 2)] {
            let waits = sync(deployment, user).await;
            assert_eq!(waits["pending"], json!({ "embed": embed, "mem0": mem0 }));
            assert_eq!(waits["lastSyncedAt"], Value::Null, "{waits}");
            assert_eq!(waits["status"], "ok", "{waits}");
            let done = deliver(deployment, user, adapter).await;
            assert_eq!(done.body["outcome"], "done", "{done:?}");
        }
        let done = sync(deployment, user).await;
        assert_eq!(done["pending"], json!({ "embed": 0, "mem0": 0 }));
        assert!(done["lastSyncedAt"].is_string(), "{done}");
    });
}
