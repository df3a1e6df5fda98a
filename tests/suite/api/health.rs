//! `GET /api/health`

use black_box::cases::{self, Case};
use black_box::on_both_hosts;

#[test]
fn liveness_needs_no_token_and_touches_nothing() {
    on_both_hosts(async |deployment| {
        let reply = deployment.as_nobody().get("/api/health").await;
        reply.is(200);
        assert_eq!(reply.body["status"], "ok");
        assert!(reply.body["adapters"].is_null(), "{reply:?}");
    });
}

#[test]
fn the_service_role_learns_how_ready_each_adapter_is() {
    on_both_hosts(async |deployment| {
        let reply = deployment.as_service().get("/api/health").await;
        reply.is(200);
        for adapter in ["supabase", "upstash", "embeddings"] {
            assert_eq!(reply.body["adapters"][adapter]["status"], "ok", "{reply:?}");
        }
    });
}

#[test]
fn both_hosts_answer_alike() {
    cases::hold([
        Case::get("liveness", "/api/health").without_token(),
        Case::get("a user learns no more than anybody", "/api/health"),
        Case::get("a bad token is refused", "/api/health")
            .token("not.a.token")
            .is_refused(401, "unauthorized"),
        Case::post(
            "nothing is posted here",
            "/api/health",
            serde_json::json!({}),
        )
        .allows_only("GET"),
    ]);
}
