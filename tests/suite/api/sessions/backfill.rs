//! `POST /api/sessions/backfill`

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, turn};
use serde_json::json;

const PATH: &str = "/api/sessions/backfill";

#[test]
fn every_turn_with_words_is_embedded_again() {
    on_both_hosts(async |deployment| {
        let user = uuid::Uuid::new_v4();
        let client = deployment.as_user(user);
        client
            .record("s", &[turn("1", "tea"), turn("2", ""), turn("3", "milk")])
            .await;
        client.synced("s").await;
        let before =
            "update memories.turn_embeddings set created_at = '2000-01-01' where user_id = $1";
        deployment
            .admin()
            .await
            .execute(before, &[&user])
            .await
            .unwrap();

        let body = json!({ "sessionId": "s", "reason": "a new model" });
        let reply = client.post(PATH, body).await;
        reply.is(202);
        assert_eq!(
            reply.body["pending"],
            json!({ "embed": 2, "mem0": 0 }),
            "{reply:?}"
        );
        client.synced("s").await;
        let renewed = "select count(*) from memories.turn_embeddings
            where user_id = $1 and created_at > '2001-01-01'";
        assert_eq!(deployment.count(renewed, &[&user]).await, 2);
    });
}

#[test]
fn a_long_session_goes_in_jobs_of_a_hundred_turns() {
    on_both_hosts(async |deployment| {
        let user = uuid::Uuid::new_v4();
        let client = deployment.as_user(user);
        for hundred in 0..3 {
            let numbers = hundred * 100..(hundred + 1) * 100;
            let turns: Vec<_> = numbers
                .filter(|number| *number < 250)
                .map(|number| turn(&number.to_string(), &format!("note {number}")))
                .collect();
            client.record("s", &turns).await;
        }
        client.synced("s").await;
        let reply = client.post(PATH, json!({ "sessionId": "s" })).await;
        reply.is(202);
        assert_eq!(reply.body["pending"]["embed"], 250, "{reply:?}");
        client.synced("s").await;
        let embedded = "select count(*) from memories.turn_embeddings where user_id = $1";
        assert_eq!(deployment.count(embedded, &[&user]).await, 250);
    });
}

#[test]
fn bad_requests_are_refused_alike() {
    crate::api::refuse_bad_requests(PATH);
    let long = "x".repeat(201);
    cases::hold([
        Case::post("unknown", PATH, json!({ "sessionId": "s" })).is_refused(404, "not_found"),
        Case::post(
            "a long reason",
            PATH,
            json!({ "sessionId": "", "reason": long }),
        )
        .is_invalid_at(&["/sessionId", "/reason"]),
    ]);
}
