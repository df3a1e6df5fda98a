//! `GET /api/sessions/{id}`

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, turn};
use serde_json::{Value, json};

#[test]
fn a_session_is_replayed_in_order_page_by_page() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let turns: Vec<_> = (1..=25).map(|seq| turn(&format!("t{seq}"), "x")).collect();
        user.record("s", &turns).await;
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = user.get(&format!("/api/sessions/s?limit=10{cursor}")).await;
            page.is(200);
            assert_eq!(page.body["session"]["turnCount"], 25);
            seen.extend(page.each("turns", "seq"));
            match &page.body["nextCursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(seen, (1..=25).map(Value::from).collect::<Vec<_>>());
    });
}

#[test]
fn a_page_ends_before_it_is_too_long_for_a_host() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let long = "word ".repeat(160_000);
        for seq in 1..=6 {
            user.record("s", &[turn(&seq.to_string(), &long)]).await;
        }
        let (mut pages, mut seen, mut cursor) = (0, Vec::new(), String::new());
        loop {
            let page = user
                .get(&format!("/api/sessions/s?limit=100{cursor}"))
                .await;
            page.is(200);
            assert!(page.body.to_string().len() < 3_500_000);
            seen.extend(page.each("turns", "seq"));
            pages += 1;
            match &page.body["nextCursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => break,
            }
        }
        assert_eq!(seen, (1..=6).map(Value::from).collect::<Vec<_>>());
        assert_eq!(pages, 2);
    });
}

#[test]
fn a_number_comes_back_as_it_was_sent() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        // The largest and the smallest, and one that an inexact reader takes for its neighbour.
        let numbers = json!([
            f64::MAX,
            f64::MIN_POSITIVE,
            0.955_659_538_405_286_1,
            u64::MAX
        ]);
        let mut said = turn("1", "x");
        said["attachments"] = numbers.clone();
        said["metadata"] = json!({ "numbers": numbers });
        user.record("s", &[said]).await;
        let reply = user.get("/api/sessions/s").await;
        reply.is(200);
        let kept = &reply.body["turns"][0];
        assert_eq!(kept["attachments"], numbers);
        // What was read is what was sent, so to send it is no conflict.
        let again = json!({
            "id": kept["id"], "role": kept["role"], "content": kept["content"],
            "attachments": kept["attachments"], "metadata": kept["metadata"],
        });
        let body = json!({ "sessionId": "s", "turns": [again] });
        user.post("/api/turns", body).await.is(200);
    });
}

#[test]
fn any_id_can_be_asked_for() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        for (number, (id, path)) in [
            ("a b", "a%20b"),
            ("a+b", "a+b"),
            ("100%", "100%25"),
            ("a/b?c#d", "a%2Fb%3Fc%23d"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
            (
                "0192f0c1-2345-7abc-8def-0123456789ab",
                "0192F0C1-2345-7abc-8def-0123456789AB",
            ),
            ("..", "%2E%2E"),
        ]
        .into_iter()
        .enumerate()
        {
            // A client that normalises paths, as ours does, cannot ask for dots.
            if id == ".." {
                continue;
            }
            user.record(id, &[turn(&number.to_string(), "x")]).await;
            let read = user.get(&format!("/api/sessions/{path}")).await;
            read.is(200);
            assert_eq!(read.body["session"]["sessionId"], id);
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused_alike() {
    let path = |rest: &str| format!("/api/sessions/{rest}");
    let refused = |rest: &str, pointer| Case::get(rest, &path(rest)).is_invalid_at(&[pointer]);
    let long = "x".repeat(256);
    let post = json!({ "sessionId": "s", "turns": [turn("1", "x")] });
    cases::hold([
        Case::post("a session", "/api/turns", post).comes_to(201),
        Case::get("read", &path("s")),
        Case::get("unknown", &path("other")).is_refused(404, "not_found"),
        refused(&long, "/path/id"),
        refused("%00", "/path/id"),
        refused("%FF", "/path/id"),
        refused("s?limit=0", "/query/limit"),
        refused("s?cursor=x", "/query/cursor"),
        // -5 and 99999999999, as a cursor would hold them.
        refused("s?cursor=LTU", "/query/cursor"),
        refused("s?cursor=OTk5OTk5OTk5OTk", "/query/cursor"),
        Case::get("past the end", &path("s?cursor=NDAwMDAwMDAwMA")),
        Case::get("a foreign parameter", &path("s?colour=blue")),
        Case::get("a parameter called id", &path("s?id=other")),
        Case::new("put", "PUT", &path("s")).allows_only("GET, DELETE"),
        Case::get("signed out", &path("s"))
            .without_token()
            .is_refused(401, "unauthorized"),
    ]);
}
