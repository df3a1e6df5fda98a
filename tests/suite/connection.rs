//! The way to Postgres: how often it is gone, and what becomes of a request when it breaks.

use std::net::SocketAddr;
use std::time::Duration;

use black_box::{Deployment, Reply, run};
use devstack::certificates::Authority;
use devstack::delay_proxy::DelayProxy;
use devstack::functions::Host;
use devstack::postgres::{self, Database};
use devstack::stack::{StackSettings, workspace};
use serde_json::json;

/// Far longer than anything takes on loopback, so that trips can be told by the clock too.
const ONE_WAY: Duration = Duration::from_millis(60);

async fn database() -> Database {
    let server = postgres::shared().await.unwrap();
    let migrations = workspace().join("migrations");
    server.fresh_database(&migrations).await.unwrap()
}

/// A deployment whose database is `ONE_WAY` far, and which nobody calls back.
async fn far_away(host: Host) -> (Deployment, DelayProxy) {
    let database = database().await;
    let server = SocketAddr::from(([127, 0, 0, 1], database.cluster().port()));
    let proxy = DelayProxy::start(server, Duration::ZERO).await.unwrap();
    let url = database.function_url_at(proxy.port());
    let deployment = Deployment::over(database, host, |settings| {
        settings.database_url = url;
        // Deliveries would use the proxy as well.
        let nowhere = "http://127.0.0.1:9".to_owned();
        settings.env.insert("QSTASH_URL".to_owned(), nowhere);
    })
    .await;
    (deployment, proxy)
}

fn turn(id: usize) -> serde_json::Value {
    json!({ "sessionId": "s", "turns": [
        { "id": format!("{id}"), "role": "user", "content": "the ferry leaves at noon" },
        { "id": format!("{id}b"), "role": "assistant", "content": "noted" },
    ] })
}

/// By the adapter's own clock: on a busy machine a request waits for more than the database.
fn assert_one_trip(reply: &Reply) {
    let took = reply.body["adapters"]["supabase"]["durationMs"].as_f64();
    let took = Duration::from_secs_f64(took.unwrap() / 1000.0);
    assert!(took >= 2 * ONE_WAY && took < 4 * ONE_WAY, "{reply:?}");
}

#[test]
fn recording_and_context_take_one_round_trip_each() {
    run(async {
        for host in Host::ALL {
            let (deployment, proxy) = far_away(host).await;
            let client = deployment.as_somebody();
            let question = json!({ "query": "when does the ferry leave?", "sessionId": "s", "deadlineMs": 5000 });
            client.post("/api/turns", turn(0)).await.is(201);
            client.context(question.clone()).await;

            proxy.set_delay(ONE_WAY);
            for number in 1..=3 {
                proxy.reset_counts();
                let reply = client.post("/api/turns", turn(number)).await;
                reply.is(201);
                assert_eq!(proxy.flights(), 1, "{host}: {reply:?}");
                assert_one_trip(&reply);

                proxy.reset_counts();
                let reply = client.context(question.clone()).await;
                assert_eq!(proxy.flights(), 1, "{host}: {reply:?}");
                assert_one_trip(&reply);
                assert_eq!(proxy.connections(), 0, "a new connection on {host}");
            }
        }
    });
}

#[test]
fn a_connection_that_died_while_idle_is_replaced_unnoticed() {
    run(async {
        let (deployment, proxy) = far_away(Host::Vercel).await;
        let client = deployment.as_somebody();
        for number in 0..4 {
            client.post("/api/turns", turn(number)).await.is(201);
            client.context(json!({ "query": "ferry" })).await;
            proxy.cut();
        }
        assert_eq!(
            client.get("/api/sessions/s").await.body["session"]["turnCount"],
            8
        );
    });
}

#[test]
fn a_reply_that_is_lost_leaves_the_turn_recorded_once() {
    use devstack::delay_proxy::Mode;

    run(async {
        let (deployment, proxy) = far_away(Host::Vercel).await;
        let client = deployment.as_somebody();
        client.post("/api/turns", turn(0)).await.is(201);

        proxy.set_mode(Mode::LoseReplies);
        let lost = client.post("/api/turns", turn(1)).await;
        lost.is_problem(503, "unavailable");
        assert!(!lost.header("retry-after").is_empty());
        assert!(lost.took < Duration::from_millis(3500), "{lost:?}");

        proxy.set_mode(Mode::Forward);
        // It was written, so the repeat is a repeat.
        client.post("/api/turns", turn(1)).await.is(200);
        assert_eq!(
            client.get("/api/sessions/s").await.body["session"]["turnCount"],
            4
        );
    });
}

async fn over_tls(change: impl FnOnce(&mut StackSettings)) -> Deployment {
    let database = database().await;
    let url = database.function_tls_url().unwrap();
    Deployment::over(database, Host::Vercel, |settings| {
        settings.database_url = url;
        change(settings);
    })
    .await
}

#[test]
fn the_databases_certificate_is_verified() {
    run(async {
        let right = over_tls(|_| {}).await;
        right.as_service().get("/api/health").await.is(200);
        right
            .as_somebody()
            .record("s", &[turn(0)["turns"][0].clone()])
            .await;

        let another = Authority::create().unwrap().ca_pem().to_owned();
        let wrong = over_tls(|settings| settings.database_ca = Some(another)).await;
        wrong.as_service().get("/api/health").await.is(503);
        wrong
            .as_somebody()
            .post("/api/turns", turn(0))
            .await
            .is_problem(503, "unavailable");

        let none = over_tls(|settings| settings.database_ca = None).await;
        none.as_somebody()
            .post("/api/turns", turn(0))
            .await
            .is_problem(503, "misconfigured");
        assert!(
            none.log().contains("DATABASE_CA_PEM"),
            "the log names the variable"
        );
    });
}
