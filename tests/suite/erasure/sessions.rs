//! One session is erased, and no other.

use black_box::{on_own_deployments, turn};
use serde_json::json;
use uuid::Uuid;

use super::{confirmed, everything, facts_of, settled};

#[test]
fn a_session_is_erased_here_and_at_mem0_and_the_others_stay() {
    on_own_deployments(everything, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        settled(deployment, user, "kept", &[turn("1", "tea")]).await;
        settled(
            deployment,
            user,
            "gone",
            &[turn("1", "milk"), turn("2", "toast")],
        )
        .await;

        deployment
            .as_somebody()
            .delete("/api/sessions/gone")
            .await
            .is_problem(404, "not_found");
        client
            .delete("/api/sessions/unknown")
            .await
            .is_problem(404, "not_found");
        let reply = client.delete("/api/sessions/gone").await;
        reply.is(202);
        client
            .get("/api/sessions/gone")
            .await
            .is_problem(404, "not_found");
        // The reply may be lost: who asks again hears the same.
        let again = client.delete("/api/sessions/gone").await;
        again.is(202);
        assert_eq!(again.body["erasureId"], reply.body["erasureId"]);

        let record = confirmed(deployment, &client).await;
        assert_eq!(record["scope"], "session", "{record}");
        assert_eq!(record["rows"]["turns"], 2, "{record}");
        assert_eq!(facts_of(deployment, user), 1);
        assert_eq!(
            client
                .get("/api/sessions")
                .await
                .each("sessions", "sessionId"),
            ["kept"]
        );
        let old = json!({ "sessionId": "gone", "turns": [turn("1", "milk")] });
        client
            .post("/api/turns", old)
            .await
            .is_problem(410, "turn_erased");
        client.record("gone", &[turn("3", "honey")]).await;
        client.get("/api/sessions/gone").await.is(200);
    });
}
