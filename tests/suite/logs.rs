//! What the functions log: spans. What they never log is the suite's `leaks.rs`.

use black_box::{on_own_deployments, turn};
use serde_json::{Value, json};

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
