//! A turn that can never be embedded: it holds up nobody, and ends in the dead letters.

use black_box::{Client, Deployment, Reply, Signed, on_own_deployments, turn, until};
use devstack::stack::StackSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::operators::xtask;

/// Three attempts, and QStash's waits at a two-hundredth.
fn hasty(settings: &mut StackSettings) {
    let attempts = ("MEMORY_JOB_ATTEMPTS".to_owned(), "3".to_owned());
    settings.env.extend([attempts]);
    settings.qstash_time_scale = 0.005;
}

const EMBEDDED: &str = "select count(*) from memories.turn_embeddings where user_id = any($1)";
const DEAD: &str = "select count(*) from memories.adapter_syncs
    where user_id = any($1) and state = 'dead' and attempts = 3";

async fn sync(client: &Client<'_>) -> Reply {
    let reply = client
        .post("/api/sessions/sync", json!({ "sessionId": "s" }))
        .await;
    reply.is(202);
    reply
}

/// Two users; one turn of the first contains what the embedder chokes on. Returns when all that can
/// be done is done.
async fn poisoned(deployment: &Deployment, status: StatusCode) -> Uuid {
    let embedder = deployment.stack.embedder.as_ref().unwrap();
    embedder.choke_on("gravel", status);
    let users = vec![Uuid::new_v4(), Uuid::new_v4()];
    let client = deployment.as_user(users[0]);
    let first = [turn("1", "tea"), turn("2", "gravel"), turn("3", "milk")];
    client.record("s", &first).await;
    client.record("s", &[turn("4", "toast")]).await;
    client.record("another", &[turn("5", "jam")]).await;
    let other = deployment.as_user(users[1]);
    other.record("s", &[turn("1", "rain")]).await;

    until(async || deployment.count(EMBEDDED, &[&users]).await == 5).await;
    until(async || deployment.count(DEAD, &[&users]).await == 1).await;
    users[0]
}

/// The user's one dead letter, as the operator sees it.
async fn letter(deployment: &Deployment, user: Uuid) -> Value {
    let list = ["dlq", "list", "--json", "--user", &user.to_string()];
    let came = xtask(deployment, &list).await;
    assert!(!came.out.contains("gravel"), "{came:?}");
    let listed = came.json();
    assert_eq!(listed["total"], 1, "{listed}");
    listed["deadLetters"][0].clone()
}

#[test]
fn a_turn_that_cannot_be_embedded_holds_up_nobody_and_is_replayed_when_the_cause_is_gone() {
    on_own_deployments(hasty, async |deployment| {
        for (status, reason) in [
            // About this text, says the provider; or it only breaks down over it.
            (StatusCode::BAD_REQUEST, "refused"),
            (StatusCode::INTERNAL_SERVER_ERROR, "busy"),
        ] {
            let user = poisoned(deployment, status).await;
            let client = deployment.as_user(user);
            let synced = sync(&client).await;
            assert_eq!(synced.body["pending"]["embed"], 0, "{synced:?}");
            assert_eq!(synced.body["dead"]["embed"], 1, "{synced:?}");
            assert_eq!(synced.body["lastSyncedAt"], Value::Null, "{synced:?}");

            let letter = letter(deployment, user).await;
            assert_eq!(letter["reason"], reason, "{letter}");
            assert_eq!(letter["attempts"], 3, "{letter}");
            let turn = letter["turnId"].as_str().unwrap();

            // Too early: it dies again, and nothing else changes.
            let replay = ["dlq", "replay", turn, "--now", "--json"];
            let replayed = xtask(deployment, &replay).await.json();
            assert_eq!(replayed["replayed"], 1);
            assert_eq!(replayed["sweep"]["sweep"]["sent"], 1, "{replayed}");
            until(async || deployment.count(DEAD, &[&vec![user]]).await == 1).await;

            deployment.stack.embedder.as_ref().unwrap().cure();
            assert_eq!(xtask(deployment, &replay).await.json()["replayed"], 1);
            until(async || deployment.count(EMBEDDED, &[&vec![user]]).await == 5).await;
            let synced = sync(&client).await;
            assert_eq!(synced.body["dead"]["embed"], 0, "{synced:?}");
            assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");

            let shown = xtask(deployment, &["dlq", "show", turn, "--json"])
                .await
                .json();
            let shown = &shown["turns"][0];
            assert_eq!(shown["adapters"][0]["state"], "done", "{shown}");
            let events = shown["audit"].as_array().unwrap();
            let replays = events
                .iter()
                .filter(|event| event["details"]["replayed"] == true);
            assert_eq!((events.len(), replays.count()), (4, 2), "{shown}");
            assert_eq!(events[0]["details"]["reason"], reason, "{shown}");
        }
    });
}

#[test]
fn a_dead_letter_that_is_discarded_is_missed_no_more() {
    on_own_deployments(hasty, async |deployment| {
        let user = poisoned(deployment, StatusCode::BAD_REQUEST).await;
        let letter = letter(deployment, user).await;
        let turn = letter["turnId"].as_str().unwrap();
        let discard = ["dlq", "discard", turn, "--yes", "--json"];
        assert_eq!(xtask(deployment, &discard).await.json()["discarded"], 1);
        let synced = sync(&deployment.as_user(user)).await;
        assert_eq!(synced.body["pending"]["embed"], 0, "{synced:?}");
        assert_eq!(synced.body["dead"]["embed"], 0, "{synced:?}");
        assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");
    });
}

#[test]
fn while_the_provider_is_down_no_attempt_counts_however_few_jobs_there_are() {
    on_own_deployments(hasty, async |deployment| {
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        embedder.fail_next(usize::MAX, StatusCode::SERVICE_UNAVAILABLE, None);
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "tea")]).await;
        // QStash gives up after four attempts, one more than a turn has.
        until(async || deployment.stack.qstash.failed() > 0).await;
        let states = "select count(*) from memories.adapter_syncs
            where user_id = $1 and adapter = 'embed' and state = 'pending' and attempts = 0
                and last_error_code = 'busy'";
        assert_eq!(deployment.count(states, &[&user]).await, 1);

        embedder.fail_next(0, StatusCode::OK, None);
        let job =
            "select job_id from memories.adapter_syncs where user_id = $1 and job_id is not null";
        let job = deployment.count(job, &[&user]).await;
        let body = json!({ "version": 1, "userId": user, "jobs": { "embed": job } });
        let reply = Signed::new(deployment, "embed", body.to_string())
            .send()
            .await;
        assert_eq!(reply.body["outcome"], "done", "{reply:?}");
    });
}
