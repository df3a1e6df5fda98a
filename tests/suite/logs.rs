//! What the functions log: spans, and never a word of a user, a token or a key.

use black_box::{Signed, on_own_deployments, turn};
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

/// Stands in every text that a client sends, and nowhere else.
const CANARY: &str = "canary7d1f";

/// More than there is to have: below `debug` a host's runtime logs whole requests.
fn everything(settings: &mut StackSettings) {
    settings
        .env
        .insert("MEMORY_LOG".to_owned(), "trace".to_owned());
}

#[test]
fn no_log_holds_what_a_user_said_a_token_or_a_key() {
    on_own_deployments(everything, async |deployment| {
        let user = Uuid::new_v4();
        let token = deployment.stack.user_token(user).unwrap();
        let client = deployment.as_nobody().with_token(&token);
        let session = format!("{CANARY}-session");
        let said = format!("{CANARY}@example.com said {CANARY}");
        let full = json!({
            "id": format!("{CANARY}-id"), "role": "user",
            "content": [{ "type": "text", "text": said }],
            "attachments": [{ "url": said }],
            "toolCalls": [{ "input": said }],
            "toolResults": [{ "output": said }],
            "metadata": { CANARY: said },
        });
        let body = json!({ "sessionId": session, "title": said, "turns": [full] });
        client.post("/api/turns", body.clone()).await.is(201);
        client.synced(&session).await;
        let embedder = deployment.stack.embedder.as_ref().unwrap();
        client
            .context(json!({ "query": said, "sessionId": session, "deadlineMs": 5000 }))
            .await;
        embedder.fail_next(1, reqwest::StatusCode::BAD_REQUEST, None);
        client.context(json!({ "query": said })).await;
        client
            .get(&format!("/api/sessions/{session}"))
            .await
            .is(200);
        let backfill = json!({ "sessionId": session, "reason": said });
        client
            .post("/api/sessions/backfill", backfill)
            .await
            .is(202);

        // What goes wrong is logged with more care still.
        let mut changed = body.clone();
        changed["turns"][0]["content"] = json!(format!("{CANARY} changed"));
        client
            .post("/api/turns", changed)
            .await
            .is_problem(409, "turn_conflict");
        client
            .post("/api/turns", json!({ CANARY: said }))
            .await
            .is_problem(422, "invalid_request");
        client
            .post_bytes("/api/turns", format!("{{{CANARY}"))
            .await
            .is_problem(400, "invalid_json");
        client
            .get(&format!("/api/sessions?cursor={CANARY}"))
            .await
            .is_problem(422, "invalid_request");
        client
            .get(&format!("/api/sessions/{CANARY}"))
            .await
            .is_problem(404, "not_found");
        let stranger = deployment
            .as_nobody()
            .with_token(format!("{CANARY}.{CANARY}.x"));
        stranger
            .get("/api/sessions")
            .await
            .is_problem(401, "unauthorized");
        Signed::new(deployment, "embed", said.clone())
            .send()
            .await
            .is_problem(489, "job_refused");

        let log = deployment.log();
        let keys = deployment.stack.qstash.signing_keys();
        for (name, secret) in [
            ("a user's word", CANARY),
            ("a token", &token),
            ("the issuer's secret", &deployment.stack.jwt_secret),
            ("QStash's token", deployment.stack.qstash.token()),
            ("a signing key", &keys.current),
            (
                "the database's password",
                deployment.database.cluster().function_password(),
            ),
        ] {
            let line = log.lines().find(|line| line.contains(secret));
            assert!(line.is_none(), "{name} in the log: {line:?}");
        }
    });
}

#[test]
fn a_request_leaves_a_span_for_itself_and_one_for_each_adapter() {
    on_own_deployments(
        |_| {},
        async |deployment| {
            let user = deployment.as_somebody().with("x-request-id", "the-one");
            user.record("s", &[turn("1", "tea")]).await;
            user.context(json!({ "query": "tea", "deadlineMs": 5000 }))
                .await;
            let log = deployment.log();
            let spans: Vec<Value> = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .map(|line| line["span"].clone())
                .filter(Value::is_object)
                .collect();
            let of = |name: &str| {
                spans
                    .iter()
                    .filter(|span| span["name"] == name)
                    .collect::<Vec<_>>()
            };
            for name in [
                "memory.intent",
                "adapter.supabase",
                "adapter.upstash",
                "adapter.embeddings",
            ] {
                let found = of(name);
                assert!(!found.is_empty(), "{name}: {log}");
                for span in found {
                    assert_eq!(span["status"], "ok", "{span}");
                    assert!(span["duration_ms"].is_number(), "{span}");
                }
            }
            let ours = of("memory.intent");
            for intent in ["onTurnCommitted", "fetchContext"] {
                let span = ours.iter().find(|span| span["intent"] == intent);
                assert_eq!(span.unwrap()["request_id"], "the-one", "{intent}");
            }
        },
    );
}
