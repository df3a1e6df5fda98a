//! Moving to another embedding model: every turn is embedded anew while the old model still serves,
//! and what is interrupted goes on where it was.

mod providers;

use std::collections::BTreeMap;

use black_box::{Client, Deployment, Reply, Signed, run, turn, until};
use devstack::embedder::lexical::Lexical;
use devstack::embedder::{Embedder, Settings};
use devstack::functions::Host;
use devstack::stack::StackSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

/// Three jobs: two of a hundred turns and one of fifty.
const TURNS: usize = 250;

const NEXT: &str = "lexical-next";

fn next_embedder(port: Option<u16>) -> Embedder {
    let model = Lexical::new(NEXT, 256);
    Embedder::start(Settings {
        port,
        model,
        ..Settings::default()
    })
    .unwrap()
}

/// A provider's four variables but the key, as the current one (`""`) or as the one moved to.
fn provider(which: &str, url: &str) -> BTreeMap<String, String> {
    let name = |variable: &str| format!("EMBEDDINGS_{which}{variable}");
    BTreeMap::from([
        (name("URL"), format!("{url}/v1/embeddings")),
        (name("MODEL"), NEXT.to_owned()),
        (name("DIMENSIONS"), "256".to_owned()),
    ])
}

/// The same database, with this in the functions' environment.
async fn over(first: &Deployment, env: BTreeMap<String, String>) -> Deployment {
    let change = |settings: &mut StackSettings| settings.env = env;
    Deployment::over(first.database.clone(), first.host, change).await
}

async fn record_all(client: &Client<'_>) {
    let turns: Vec<Value> = (0..TURNS)
        .map(|n| turn(&n.to_string(), &format!("note {n} of marmalade")))
        .collect();
    for hundred in turns.chunks(100) {
        client.record("s", hundred).await;
    }
}

/// What a sync says is pending, when the session was whole: `pending`, `lastSyncedAt`.
async fn progress(client: &Client<'_>) -> (Value, Value) {
    let body = json!({ "sessionId": "s" });
    let reply = client.post("/api/sessions/sync", body).await;
    reply.is(202);
    progress_of(&reply)
}

fn progress_of(reply: &Reply) -> (Value, Value) {
    let body = &reply.body;
    (
        body["pending"]["embed"].clone(),
        body["lastSyncedAt"].clone(),
    )
}

/// Spelt so that no word is found, only what looks like it.
async fn serves_by_vectors(client: &Client<'_>) {
    let ask = json!({ "query": "marmelades", "include": ["relevant"], "deadlineMs": 5000 });
    let found = client.context(ask).await;
    assert_eq!(found.body["degraded"], json!([]), "{found:?}");
    let relevant = found.each("items", "source");
    assert!(relevant.contains(&json!("relevant")), "{found:?}");
}

#[test]
fn a_move_to_another_model_goes_on_where_it_was_interrupted_while_the_old_one_serves() {
    run(async {
        for host in Host::ALL {
            moves(host).await;
        }
    });
}

async fn moves(host: Host) {
    let first = Deployment::start(host, |_| {}).await;
    let user = Uuid::new_v4();
    record_all(&first.as_user(user)).await;
    let before = first.as_user(user).synced("s").await;
    let (_, whole) = progress_of(&before);
    assert!(whole.is_string(), "{before:?}");

    // Deliveries by hand, so that it can be interrupted anywhere.
    let next = next_embedder(None);
    let mut env = provider("NEXT_", next.url());
    env.insert("QSTASH_TOKEN".to_owned(), String::new());
    let moving = over(&first, env).await;
    let client = moving.as_user(user);
    let old = moving.stack.embedder.as_ref().unwrap();
    let body = json!({ "sessionId": "s", "reason": "a new model" });
    let asked = client.post("/api/sessions/backfill", body).await;
    asked.is(202);
    assert_eq!(
        progress_of(&asked),
        (json!(250), whole.clone()),
        "{asked:?}"
    );

    let jobs = "select msg_id from pgmq.q_memory_embed order by msg_id";
    let jobs = moving.admin().await.query(jobs, &[]).await.unwrap();
    let jobs: Vec<i64> = jobs.iter().map(|row| row.get(0)).collect();
    let [job_1, job_2, job_3] = jobs.try_into().unwrap();
    let deliver = async |job: i64| {
        let body = json!({ "version": 1, "userId": user, "jobs": { "embed": job } });
        Signed::new(&moving, "embed", body.to_string()).send().await
    };

    deliver(job_1).await.is(200);
    assert_eq!(progress(&client).await, (json!(150), whole.clone()));
    assert_eq!(
        (old.requests().texts.len(), next.requests().texts.len()),
        (100, 100)
    );
    serves_by_vectors(&client).await;

    // The new provider breaks down over one turn; all others of the job get through.
    next.choke_on("note 150 ", StatusCode::SERVICE_UNAVAILABLE);
    deliver(job_2).await.is_problem(503, "unavailable");
    assert_eq!(progress(&client).await, (json!(50 + 1), whole.clone()));
    next.cure();
    next.forget();
    old.forget();
    deliver(job_2).await.is(200);
    assert_eq!(progress(&client).await, (json!(50), whole.clone()));
    assert_eq!(
        (old.requests().texts.len(), next.requests().texts.len()),
        (0, 1)
    );

    // And it is gone: no turn is to blame.
    let port = next.port();
    next.stop();
    deliver(job_3).await.is_problem(503, "unavailable");
    assert_eq!(progress(&client).await, (json!(50), whole.clone()));
    let counted = "select sum(attempts) from memories.adapter_syncs where state = 'pending'";
    assert_eq!(moving.count(counted, &[]).await, 0);
    serves_by_vectors(&client).await;

    // It is back, and a sync takes up the rest.
    let next = next_embedder(Some(port));
    let resumed = over(&first, provider("NEXT_", next.url())).await;
    let synced = resumed.as_user(user).synced("s").await;
    let (_, anew) = progress_of(&synced);
    assert!(anew.as_str() > whole.as_str(), "{synced:?}");
    assert_eq!(next.requests().texts.len(), 50);
    assert_eq!(resumed.stack.embedder.as_ref().unwrap().requests().count, 0);
    let vectors = "select count(*) from memories.turn_embeddings where user_id = $1 and model = $2";
    for model in [NEXT, "lexical-384"] {
        assert_eq!(first.count(vectors, &[&user, &model]).await, 250);
    }

    // The new one serves.
    let moved = over(&first, provider("", next.url())).await;
    serves_by_vectors(&moved.as_user(user)).await;
    let asked = &next.requests().texts;
    assert_eq!(asked.back().map(String::as_str), Some("marmelades"));
}

#[test]
fn a_next_model_that_is_down_or_refuses_our_key_stops_nothing_of_the_present_one() {
    for status in [StatusCode::SERVICE_UNAVAILABLE, StatusCode::UNAUTHORIZED] {
        run(async {
            let next = next_embedder(None);
            next.fail_next(usize::MAX, status, None);
            let env = provider("NEXT_", next.url());
            let deployment = Deployment::start(Host::Vercel, |settings| settings.env = env).await;
            let user = Uuid::new_v4();
            let client = deployment.as_user(user);
            for number in 0..7 {
                let turn = turn(&number.to_string(), "marmalade on toast");
                client.record(&format!("s{number}"), &[turn]).await;
            }
            let embedded = "select count(*) from memories.turn_embeddings where user_id = $1";
            until(async || deployment.count(embedded, &[&user]).await == 7).await;
            let open = "select count(*) from memories.adapter_states where state = 'open'";
            assert_eq!(deployment.count(open, &[]).await, 0);
            // The next model's part waits, and burns nothing.
            let waiting = "select count(*) from memories.adapter_syncs
                where user_id = $1 and adapter = 'embed' and state = 'pending' and attempts <= 1";
            assert_eq!(deployment.count(waiting, &[&user]).await, 7);
        });
    }
}
