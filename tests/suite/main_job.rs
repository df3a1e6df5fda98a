//! The main job: a turn goes in, is durable, is embedded by a job, and comes back as context.

use black_box::{marked, on_both_hosts, turn};
use serde_json::json;

#[test]
fn recorded_turns_are_embedded_by_a_job_and_come_back_as_context() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let city = marked("lisbon");
        let recorded = user
            .record(
                "trip",
                &[
                    turn("1", &format!("We fly to {city} in June.")),
                    json!({ "id": "2", "role": "assistant", "content": "Take a hat." }),
                ],
            )
            .await;
        assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
        assert_eq!(recorded.body["adapters"]["upstash"]["status"], "ok");

        let synced = user.synced("trip").await;
        assert_eq!(synced.body["status"], "ok", "{synced:?}");
        assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");

        let query = json!({ "query": format!("When do we fly to {city}?"), "deadlineMs": 5000 });
        let context = user.context(query).await;
        assert_eq!(context.body["items"][0]["id"], "1", "{context:?}");
        assert_eq!(context.body["items"][0]["source"], "relevant");
        assert_eq!(context.body["adapters"]["embeddings"]["status"], "ok");
        assert_eq!(context.body["degraded"], json!([]));
        let prompt = context.body["prompt"].as_str().unwrap();
        assert!(prompt.contains(&city), "{prompt}");
    });
}
