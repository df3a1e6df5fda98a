//! What is older than its policy says goes by itself.

use black_box::{Deployment, on_own_deployments};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{everything, facts_of, settled};

fn said(id: &str, at: &str) -> Value {
    json!({ "id": id, "role": "user", "content": format!("tea {id}"), "createdAt": at })
}

async fn sweep(deployment: &Deployment) {
    let service = deployment.as_service();
    service.post("/api/jobs/sweep", json!({})).await.is(200);
}

#[test]
fn turns_past_their_days_go_and_so_does_a_session_without_any() {
    on_own_deployments(everything, async |deployment| {
        let [by_default, own, keeps] = [(); 3].map(|()| Uuid::new_v4());
        for user in [by_default, own, keeps] {
            let turns = [
                said("1", "2001-01-01T00:00:00Z"),
                said("2", "2999-01-01T00:00:00Z"),
            ];
            settled(deployment, user, "both", &turns).await;
            settled(
                deployment,
                user,
                "old",
                &[said("1", "2002-01-01T00:00:00Z")],
            )
            .await;
        }
        sweep(deployment).await;
        let turns = "select count(*) from memories.turns where user_id = $1";
        assert_eq!(
            deployment.count(turns, &[&own]).await,
            3,
            "without a policy"
        );

        let admin = deployment.admin().await;
        let policy = "insert into memories.retention (user_id, days) values ($1, $2)";
        admin.execute(policy, &[&own, &365_i32]).await.unwrap();
        admin
            .execute(policy, &[&keeps, &None::<i32>])
            .await
            .unwrap();
        sweep(deployment).await;
        assert_eq!(deployment.count(turns, &[&own]).await, 1);
        assert_eq!(deployment.count(turns, &[&by_default]).await, 3);

        let default = "update memories.retention_default set days = 7300";
        admin.execute(default, &[]).await.unwrap();
        sweep(deployment).await;
        assert_eq!(deployment.count(turns, &[&by_default]).await, 1);
        assert_eq!(deployment.count(turns, &[&keeps]).await, 3);

        let client = deployment.as_user(own);
        let sessions = client.get("/api/sessions").await;
        assert_eq!(sessions.each("sessions", "sessionId"), ["both"]);
        let rest = client.get("/api/sessions/both").await;
        assert_eq!(rest.each("turns", "id"), ["2"]);
        let again = json!({ "sessionId": "old", "turns": [said("1", "2002-01-01T00:00:00Z")] });
        client
            .post("/api/turns", again)
            .await
            .is_problem(410, "turn_erased");

        // Mem0 forgets the same turns.
        for user in [own, by_default] {
            black_box::until(async || {
                let due = "update pgmq.q_memory_erase set vt = now()";
                deployment.admin().await.execute(due, &[]).await.unwrap();
                sweep(deployment).await;
                facts_of(deployment, user) == 1
            })
            .await;
        }
        assert_eq!(facts_of(deployment, keeps), 3);
        // Of one that claims the future, what counts is when it came.
        let came =
            "update memories.turns set recorded_at = now() - interval '2 years' where user_id = $1";
        admin.execute(came, &[&own]).await.unwrap();
        sweep(deployment).await;
        assert_eq!(deployment.count(turns, &[&own]).await, 0);
        assert_eq!(
            client.get("/api/sessions").await.body["sessions"],
            json!([])
        );
    });
}
