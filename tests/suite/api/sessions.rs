//! `GET /api/sessions`, and in the folder what stands below it.

mod backfill;
mod id;
mod sync;

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, turn};
use serde_json::{Value, json};

#[test]
fn sessions_come_page_by_page_the_latest_first_none_lost_and_none_twice() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        for number in 0..25 {
            user.record(&format!("s{number}"), &[turn(&format!("t{number}"), "x")])
                .await;
        }
        // What was written last comes first again.
        user.record("s3", &[turn("again", "x")]).await;

        let (mut seen, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
        loop {
            let page = user.get(&format!("/api/sessions?limit=10{cursor}")).await;
            page.is(200);
            pages.push(page.body["sessions"].as_array().unwrap().len());
            seen.extend(page.each("sessions", "sessionId"));
            match &page.body["nextCursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(pages, [10, 10, 5]);
        let mut expected: Vec<_> = (0..25).rev().filter(|number| *number != 3).collect();
        expected.insert(0, 3);
        let expected: Vec<_> = expected
            .iter()
            .map(|number| json!(format!("s{number}")))
            .collect();
        assert_eq!(seen, expected);
    });
}

#[test]
fn a_session_is_summed_up() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let turns = [turn("1", "x"), turn("2", "y")];
        let titled = json!({ "sessionId": "s", "title": "Tea 🍵", "turns": turns });
        user.post("/api/turns", titled).await.is(201);
        // A request without a title leaves it.
        user.record("s", &[turn("3", "z")]).await;
        let page = user.get("/api/sessions").await;
        page.is(200);
        let session = &page.body["sessions"][0];
        assert_eq!(session["sessionId"], "s");
        assert_eq!(session["title"], "Tea 🍵");
        assert_eq!(session["turnCount"], 3);
        assert_eq!(session["metadata"], json!({}));
        assert_eq!(page.body["sessions"].as_array().unwrap().len(), 1);
        assert!(page.body["nextCursor"].is_null());
    });
}

#[test]
fn bad_pages_are_refused_alike() {
    let path = |query: &str| format!("/api/sessions{query}");
    let refused = |query: &str, pointer| Case::get(query, &path(query)).is_invalid_at(&[pointer]);
    cases::hold([
        Case::get("nobody has sessions at first", &path("")),
        refused("?limit=0", "/query/limit"),
        refused("?limit=101", "/query/limit"),
        refused("?limit=-1", "/query/limit"),
        refused("?limit=ten", "/query/limit"),
        refused("?limit=", "/query/limit"),
        refused("?cursor=!", "/query/cursor"),
        refused("?cursor=MQ", "/query/cursor"),
        refused("?cursor=%00", "/query/cursor"),
        // Of a year that Postgres does not know, 7537 BC.
        refused(
            "?cursor=LTMwMDAwMDAwMDAwMDAwMDAwMC4wMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA",
            "/query/cursor",
        ),
        Case::get("a whole page", &path("?limit=100")),
        Case::post("posted to", &path(""), json!({})).allows_only("GET"),
        Case::get("signed out", &path(""))
            .without_token()
            .is_refused(401, "unauthorized"),
    ]);
}
