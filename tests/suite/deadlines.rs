//! `deadlineMs`: the answer comes by then, with what there is, whatever hangs.
//!
//! Judged is the function's own clock (`server-timing`), and of several tries the best: on a busy machine any one of
//! them may wait for the processor. What is late by design is always late. `cargo xtask bench deadline` measures how late
//! the latest is.

use std::net::SocketAddr;
use std::time::Duration;

use black_box::{Client, Deployment, Reply, on_own_deployments, run, turn};
use devstack::delay_proxy::{DelayProxy, Mode};
use devstack::functions::Host;
use devstack::postgres;
use devstack::stack::{StackSettings, Trouble, Troubles, workspace};
use serde_json::{Value, json};

/// A third of it, which the database gets, is long even there.
const DEADLINE: Duration = Duration::from_millis(900);

/// What may come on top.
const LATE: Duration = Duration::from_millis(20);

/// Requests of each kind, at most.
const TRIES: usize = 6;

/// Everything that a context may ask.
fn all(settings: &mut StackSettings) {
    settings.redis = true;
    settings.mem0 = true;
    let limits = "context=sliding:100000/1d".to_owned();
    settings.env.insert("MEMORY_LIMITS".to_owned(), limits);
}

/// The function's own time.
fn took(reply: &Reply) -> Duration {
    let timing = reply.header("server-timing");
    let total = timing.strip_prefix("total;dur=").unwrap();
    let total = total.split(',').next().unwrap().parse::<f64>().unwrap();
    Duration::from_secs_f64(total / 1e3)
}

/// Asks for what was never asked for before, until an answer is in time and good.
async fn ask(
    client: &Client<'_>,
    what: &str,
    (deadline, within): (Duration, Duration),
    good: impl Fn(&Reply) -> bool,
) {
    let mut answers = Vec::new();
    loop {
        let query = format!("ferry {}", uuid::Uuid::new_v4().simple());
        let wait = u64::try_from(deadline.as_millis()).unwrap();
        let body = json!({ "query": query, "deadlineMs": wait });
        let reply = client.post("/api/context", body).await;
        if good(&reply) && took(&reply) <= within + LATE {
            return;
        }
        answers.push((took(&reply), reply));
        assert!(answers.len() < TRIES, "{what}: {answers:?}");
    }
}

#[test]
fn whatever_hangs_refuses_or_trickles_the_answer_comes_in_time_with_what_there_is() {
    use Trouble::{Fine, Hangs, Refuses, Trickles};
    on_own_deployments(all, async |deployment| {
        let client = deployment.as_somebody();
        let said = "the ferry leaves at noon";
        client.record("s", &[turn("1", said)]).await;
        client.synced("s").await;
        let warm = json!({ "query": "ferry", "deadlineMs": 5000 });
        client.context(warm).await;
        for (embedder, redis, mem0) in [
            (Hangs, Fine, Fine),
            (Trickles, Fine, Fine),
            (Refuses, Fine, Fine),
            (Fine, Hangs, Fine),
            (Fine, Trickles, Fine),
            (Fine, Refuses, Fine),
            (Fine, Fine, Hangs),
            (Fine, Fine, Trickles),
            (Fine, Fine, Refuses),
            (Hangs, Hangs, Hangs),
            (Trickles, Trickles, Trickles),
            (Refuses, Refuses, Refuses),
            (Refuses, Hangs, Trickles),
        ] {
            let troubles = Troubles {
                embedder,
                redis,
                mem0,
            };
            deployment.stack.trouble(troubles);
            let what = format!("{troubles:?}");
            ask(&client, &what, (DEADLINE, DEADLINE), |reply| {
                // A busy machine may make a part late that has no trouble.
                let named = |name: &str, trouble| {
                    let degraded = reply.body["degraded"].as_array();
                    trouble == Fine || degraded.is_some_and(|all| all.contains(&Value::from(name)))
                };
                reply.status == 200
                    && reply.each("items", "text").contains(&json!(said))
                    && named("embeddings", embedder)
                    && named("mem0", mem0)
            })
            .await;
        }
        deployment.stack.trouble(Troubles::default());
        // What is there in time is waited for.
        let whole = client.context(json!({ "query": "ferry", "deadlineMs": 5000 }));
        assert_eq!(whole.await.body["degraded"], json!([]));
    });
}

/// A deployment whose way to the database can be closed.
async fn behind_a_proxy() -> (Deployment, DelayProxy) {
    let server = postgres::shared().await.unwrap();
    let migrations = workspace().join("migrations");
    let database = server.fresh_database(&migrations).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], database.cluster().port()));
    let proxy = DelayProxy::start(address, Duration::ZERO).await.unwrap();
    let url = database.function_url_at(proxy.port());
    let deployment = Deployment::over(database, Host::Vercel, |settings| {
        settings.database_url = url;
        settings
            .env
            .insert("QSTASH_TOKEN".to_owned(), String::new());
    })
    .await;
    (deployment, proxy)
}

#[test]
fn a_database_that_hangs_is_told_in_time_and_one_that_is_back_is_used() {
    run(async {
        let (deployment, proxy) = behind_a_proxy().await;
        let client = deployment.as_somebody();
        client.record("s", &[turn("1", "the ferry leaves")]).await;
        client.context(json!({ "query": "ferry" })).await;

        proxy.set_mode(Mode::Blackhole);
        ask(&client, "hangs", (DEADLINE, DEADLINE), |reply| {
            reply.is_problem(503, "unavailable");
            true
        })
        .await;

        // Nothing of that is left in the way of the next.
        proxy.set_mode(Mode::Forward);
        proxy.cut();
        let back = client.context(json!({ "query": "ferry" })).await;
        assert_eq!(back.each("items", "id"), ["1"], "{back:?}");
    });
}

#[test]
fn the_first_connection_of_an_instance_has_a_second_and_no_more() {
    run(async {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let cold = Deployment::start(Host::Lambda, |settings| {
            settings.database_url =
                format!("postgres://memory_orchestrator:x@127.0.0.1:{port}/x?sslmode=disable");
        })
        .await;
        let client = cold.as_somebody();
        let hasty = (Duration::from_millis(50), Duration::from_secs(1));
        ask(&client, "cold", hasty, |reply| {
            reply.is_problem(503, "unavailable");
            true
        })
        .await;
    });
}
