//! `DELETE /api/memory`, `GET /api/memory` and `GET /api/memory/export`

use black_box::cases::{self, Case};
use black_box::turn;
use serde_json::json;

#[test]
fn who_may_not_is_refused_alike_and_who_may_is_served_alike() {
    let post = json!({ "sessionId": "s", "turns": [turn("1", "x")] });
    let mut cases = vec![
        Case::get("nothing was erased", "/api/memory"),
        Case::get("nothing is held", "/api/memory/export"),
        Case::get("no cursor", "/api/memory/export?cursor=x").is_invalid_at(&["/query/cursor"]),
        Case::post("posted", "/api/memory", json!({})).allows_only("DELETE, GET"),
        Case::post("posted", "/api/memory/export", json!({})).allows_only("GET"),
        Case::new("an export is not deleted", "DELETE", "/api/memory/export").allows_only("GET"),
        Case::post("a turn", "/api/turns", post.clone()).comes_to(201),
        Case::new(
            "a session that is not there",
            "DELETE",
            "/api/sessions/other",
        )
        .is_refused(404, "not_found"),
        Case::new("an id that cannot be", "DELETE", "/api/sessions/%00")
            .is_invalid_at(&["/path/id"]),
    ];
    for (method, path) in [
        ("DELETE", "/api/memory"),
        ("GET", "/api/memory"),
        ("GET", "/api/memory/export"),
        ("DELETE", "/api/sessions/s"),
    ] {
        cases.push(
            Case::new("signed out", method, path)
                .without_token()
                .is_refused(401, "unauthorized"),
        );
        cases.push(
            Case::new("a bad token", method, path)
                .token("not.a.token")
                .is_refused(401, "unauthorized"),
        );
    }
    cases.push(Case::post("still there", "/api/turns", post));
    cases::hold(cases);
}
