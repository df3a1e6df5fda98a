//! `POST /api/sessions/sync`

use black_box::cases::{self, Case};
use black_box::{Deployment, on_both_hosts, run, turn};
use devstack::functions::Host;
use serde_json::{Value, json};

const PATH: &str = "/api/sessions/sync";

#[test]
fn a_sync_enqueues_what_was_recorded_while_there_was_no_provider() {
    run(async {
        for host in Host::ALL {
            let user = uuid::Uuid::new_v4();
            let without = Deployment::start(host, |settings| {
                settings.embedder = devstack::stack::EmbedderChoice::None;
            })
            .await;
            let client = without.as_user(user);
            client.record("s", &[turn("1", "tea"), turn("2", "")]).await;
            let reply = client.post(PATH, json!({ "sessionId": "s" })).await;
            assert_eq!(reply.body["pending"]["embed"], 0, "{reply:?}");

            let with = Deployment::over(without.database.clone(), host, |_| {}).await;
            let client = with.as_user(user);
            let reply = client.post(PATH, json!({ "sessionId": "s" })).await;
            reply.is(202);
            assert_eq!(reply.body["pending"]["embed"], 1, "{reply:?}");
            client.synced("s").await;
        }
    });
}

#[test]
fn a_session_is_synced_at_the_time_when_the_last_job_was_done() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        user.record("s", &[turn("1", "tea")]).await;
        let first = user.synced("s").await;
        let again = user.post(PATH, json!({ "sessionId": "s" })).await;
        assert_eq!(again.body["lastSyncedAt"], first.body["lastSyncedAt"]);
        let read = user.get("/api/sessions/s").await;
        assert_eq!(
            read.body["session"]["lastSyncedAt"],
            first.body["lastSyncedAt"]
        );
    });
}

#[test]
fn bad_requests_are_refused_alike() {
    crate::api::refuse_bad_requests(PATH);
    cases::hold([
        Case::post("unknown", PATH, json!({ "sessionId": "s" })).is_refused(404, "not_found"),
        Case::post("no session", PATH, json!({})).is_invalid_at(&["/sessionId"]),
        Case::post(
            "a wrong type",
            PATH,
            json!({ "sessionId": Value::Null, "x": 1 }),
        )
        .is_invalid_at(&["/sessionId", "/x"]),
    ]);
}
