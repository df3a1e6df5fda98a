//! `POST /api/jobs/{job}`

use std::time::Duration;

use black_box::cases::{self, Case};
use black_box::{Client, Deployment, Signed, on_both_hosts, on_own_deployments, turn, until};
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

const QUEUED: &str =
    "select count(*) from pgmq.q_memory_embed where message ->> 'userId' = $1::text";
const EMBEDDED: &str = "select count(*) from memories.turn_embeddings where user_id = $1";

/// Without a token nothing is published, so that a test delivers by itself.
fn quiet(settings: &mut StackSettings) {
    settings
        .env
        .insert("QSTASH_TOKEN".to_owned(), String::new());
}

/// A recorded turn whose job waits, and that job's delivery.
struct Waiting<'a> {
    user: Uuid,
    client: Client<'a>,
    delivery: Value,
}

async fn waiting(deployment: &Deployment) -> Waiting<'_> {
    let user = Uuid::new_v4();
    let client = deployment.as_user(user);
    let recorded = client.record("s", &[turn("1", "tea")]).await;
    assert_eq!(
        recorded.body["adapters"]["upstash"]["status"], "skipped",
        "{recorded:?}"
    );
    let job = "select msg_id from pgmq.q_memory_embed where message ->> 'userId' = $1::text";
    let job = deployment.count(job, &[&user.to_string()]).await;
    Waiting {
        user,
        client,
        delivery: json!({ "version": 1, "userId": user, "jobs": { "embed": job } }),
    }
}

impl Waiting<'_> {
    fn body(&self) -> String {
        self.delivery.to_string()
    }
}

#[test]
fn a_delivery_that_qstash_did_not_sign_has_no_effect() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let other = deployment.as_nobody();
        let unsigned = other.post("/api/jobs/embed", job.delivery.clone()).await;
        unsigned.is_problem(401, "unauthorized");
        let token = job
            .client
            .post("/api/jobs/embed", job.delivery.clone())
            .await;
        token.is_problem(401, "unauthorized");
        let garbage = other.with("upstash-signature", "a.b.c");
        let garbage = garbage.post("/api/jobs/embed", job.delivery.clone()).await;
        garbage.is_problem(401, "unauthorized");

        let signed = || Signed::new(deployment, "embed", job.body());
        let elsewhere = format!("{}/api/jobs/sweep", deployment.stack.url);
        for (name, wrong) in [
            ("another key", signed().key("another key")),
            ("expired", signed().claim("exp", 1_700_000_000)),
            ("not valid yet", signed().claim("nbf", 4_000_000_000_u64)),
            ("another issuer", signed().claim("iss", "Downstash")),
            ("another address", signed().claim("sub", elsewhere)),
            ("another body", signed().altered(job.body() + " ")),
            ("no hash", signed().claim("body", "")),
        ] {
            let reply = wrong.send().await;
            eprintln!("{name}: {reply:?}");
            reply.is_problem(401, "unauthorized");
        }
        assert_eq!(deployment.count(QUEUED, &[&job.user.to_string()]).await, 1);
        assert_eq!(deployment.count(EMBEDDED, &[&job.user]).await, 0);

        signed().send().await.is(200);
        assert_eq!(deployment.count(EMBEDDED, &[&job.user]).await, 1);
    });
}

#[test]
fn the_next_signing_key_is_good_already() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let next = deployment.stack.qstash.signing_keys().next;
        let reply = Signed::new(deployment, "embed", job.body())
            .key(&next)
            .send()
            .await;
        reply.is(200);
        assert_eq!(reply.body["outcome"], "done");
    });
}

#[test]
fn a_job_is_done_once_however_often_it_is_delivered() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let deliveries = (0..5).map(|_| Signed::new(deployment, "embed", job.body()).send());
        let replies = futures_util::future::join_all(deliveries).await;
        // One attempt at a time; the others come again, or find nothing to do.
        for reply in &replies {
            match reply.status {
                200 => {}
                _ => reply.is_problem(423, "job_leased"),
            }
        }
        let again = Signed::new(deployment, "embed", job.body()).send().await;
        assert_eq!(again.body["outcome"], "gone", "{again:?}");
        let done = replies
            .iter()
            .filter(|reply| reply.body["outcome"] == "done")
            .count();
        assert_eq!(done, 1, "{replies:?}");
        assert_eq!(deployment.count(EMBEDDED, &[&job.user]).await, 1);
        assert_eq!(deployment.count(QUEUED, &[&job.user.to_string()]).await, 0);
        let attempts = "select sum(attempts) from memories.adapter_syncs where user_id = $1";
        assert_eq!(deployment.count(attempts, &[&job.user]).await, 1);
    });
}

#[test]
fn a_job_whose_turn_is_gone_is_done_without_effect() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let admin = deployment.admin().await;
        let erase = "delete from memories.sessions where user_id = $1";
        admin.execute(erase, &[&job.user]).await.unwrap();
        let reply = Signed::new(deployment, "embed", job.body()).send().await;
        reply.is(200);
        assert_eq!(reply.body["outcome"], "gone", "{reply:?}");
        assert_eq!(deployment.count(QUEUED, &[&job.user.to_string()]).await, 0);
    });
}

#[test]
fn a_job_of_another_user_is_left_alone() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let mut foreign = job.delivery.clone();
        foreign["userId"] = json!(Uuid::new_v4());
        let reply = Signed::new(deployment, "embed", foreign.to_string())
            .send()
            .await;
        reply.is(200);
        assert_eq!(reply.body["outcome"], "gone", "{reply:?}");
        assert_eq!(deployment.count(QUEUED, &[&job.user.to_string()]).await, 1);
    });
}

#[test]
fn what_can_never_be_done_is_never_sent_again() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let sound = json!({ "version": 1, "userId": user, "jobs": { "embed": 1 } });
        let with = |name: &str, value: Value| {
            let mut body = sound.clone();
            body[name] = value;
            body.to_string()
        };
        for body in [
            with("version", json!(2)),
            with("version", json!("1")),
            with("userId", json!("nobody")),
            with("jobs", json!({ "embed": "x" })),
            "not JSON".to_owned(),
            String::new(),
            "[]".to_owned(),
        ] {
            let reply = Signed::new(deployment, "embed", body.clone()).send().await;
            eprintln!("{body}: {reply:?}");
            reply.is_problem(489, "job_refused");
            assert_eq!(reply.header("upstash-nonretryable-error"), "true");
        }
        // A job of another adapter, or of a version that says more, is none of this endpoint's.
        let other = with("jobs", json!({ "mem0": 1, "later": 2 }));
        let reply = Signed::new(deployment, "embed", other).send().await;
        reply.is(200);
        assert_eq!(reply.body["outcome"], "gone");
    });
}

#[test]
fn an_unknown_job_is_not_found() {
    on_both_hosts(async |deployment| {
        let body = json!({ "version": 1, "userId": Uuid::new_v4(), "jobs": {} }).to_string();
        // The other can be no name: it is a control character.
        for job in ["unknown", "%C2%86"] {
            let reply = Signed::new(deployment, job, body.clone()).send().await;
            reply.is_problem(404, "not_found");
        }
    });
}

#[test]
fn a_provider_that_is_down_holds_up_the_job_and_not_the_turn() {
    let fast = |settings: &mut StackSettings| settings.qstash_time_scale = 0.005;
    on_own_deployments(fast, async |deployment| {
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        embedder.fail_next(usize::MAX, reqwest::StatusCode::SERVICE_UNAVAILABLE, None);
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let recorded = client.record("s", &[turn("1", "tea")]).await;
        assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
        client.get("/api/sessions/s").await.is(200);

        let failed = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'pending' and last_error_code is not null";
        until(async || deployment.count(failed, &[&user]).await >= 1).await;
        assert_eq!(deployment.count(EMBEDDED, &[&user]).await, 0);

        // QStash brings it again by itself.
        embedder.fail_next(0, reqwest::StatusCode::OK, None);
        until(async || deployment.count(EMBEDDED, &[&user]).await == 1).await;
        let synced = client
            .post("/api/sessions/sync", json!({ "sessionId": "s" }))
            .await;
        assert_eq!(synced.body["pending"]["embed"], 0, "{synced:?}");
    });
}

#[test]
fn what_a_provider_asks_to_wait_qstash_is_told() {
    on_own_deployments(quiet, async |deployment| {
        let job = waiting(deployment).await;
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        let busy = reqwest::StatusCode::TOO_MANY_REQUESTS;
        embedder.fail_next(1, busy, Some(Duration::from_secs(77)));
        let reply = Signed::new(deployment, "embed", job.body()).send().await;
        assert_eq!(reply.header("retry-after"), "77", "{reply:?}");
        reply.is_problem(503, "unavailable");
    });
}

#[test]
fn bad_deliveries_are_refused_alike() {
    let path = "/api/jobs/embed";
    let refused = |case: Case| case.is_refused(401, "unauthorized");
    cases::hold([
        refused(Case::post("unsigned", path, json!({}))),
        refused(Case::post(
            "an unknown job, unsigned",
            "/api/jobs/unknown",
            json!({}),
        )),
        refused(Case::new("no body", "POST", path)),
        refused(Case::post("a bad signature", path, json!({})).header("upstash-signature", "x")),
        Case::get("fetched", path).allows_only("POST"),
        Case::new("too long", "POST", path)
            .bytes(" ".repeat(1024 * 1024 + 1))
            .is_refused(413, "body_too_large"),
    ]);
}
