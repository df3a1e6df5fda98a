//! What `POST /api/context` finds, beside words and embeddings: who spoke, when, and what stands around it; and
//! queries that say little.

use black_box::{Client, on_both_hosts, turn};
use serde_json::{Value, json};

/// A busy machine may take its time.
const PATIENT: u32 = 10_000;

fn said(id: &str, name: &str, text: &str, at: &str) -> Value {
    json!({ "id": id, "role": "user", "name": name, "content": text, "createdAt": at })
}

async fn found(user: &Client<'_>, query: &str, more: Value) -> Value {
    let mut body =
        json!({ "query": query, "include": ["relevant"], "deadlineMs": PATIENT, "explain": true });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let reply = user.context(body).await;
    reply.is(200);
    reply.body
}

fn first(body: &Value) -> &Value {
    &body["items"][0]
}

async fn holidays(user: &Client<'_>) {
    let turns = [
        said("1", "Ann", "The lake was so calm.", "2024-05-04T10:00:00Z"),
        said("2", "Ben", "The lake was so calm.", "2024-08-04T10:00:00Z"),
        said(
            "3",
            "Ann",
            "Which lake do you mean?",
            "2024-08-04T10:01:00Z",
        ),
        said(
            "4",
            "Ben",
            "Balaton, with the sailing boat.",
            "2024-08-04T10:02:00Z",
        ),
    ];
    user.record("trips", &turns).await;
    let others: Vec<_> = (0..20)
        .map(|i| turn(&format!("x{i}"), &format!("number {i} of the list")))
        .collect();
    user.record("lists", &others).await;
    user.synced("trips").await;
    user.synced("lists").await;
}

#[test]
fn who_spoke_and_when_decide_between_turns_that_say_the_same() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        holidays(&user).await;
        for (query, id, part) in [
            ("what did Ben say of the calm lake", "2", "speaker"),
            ("what did Ann say of the calm lake", "1", "speaker"),
            ("how was the calm lake in May 2024?", "1", "date"),
            ("how was the calm lake in August 2024?", "2", "date"),
        ] {
            let body = found(&user, query, json!({})).await;
            assert_eq!(first(&body)["id"], id, "{query}: {body}");
            assert!(
                first(&body)["parts"][part].as_f64().unwrap() > 0.0,
                "{query}: {body}"
            );
        }
        let body = found(&user, "which lake do you mean", json!({})).await;
        let ids: Vec<_> = body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["id"])
            .collect();
        assert!(
            ids[..3].contains(&&json!("4")),
            "what follows the question: {body}"
        );
        assert_eq!(first(&body)["name"], "Ann", "{body}");
        let read = user.get("/api/sessions/trips").await;
        assert_eq!(read.each("turns", "name")[1], "Ben", "{read:?}");
    });
}

#[test]
fn parts_are_told_when_asked_for_and_add_up() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        holidays(&user).await;
        let body = found(&user, "the calm lake in May 2024", json!({})).await;
        for item in body["items"].as_array().unwrap() {
            let part = |name: &str| item["parts"][name].as_f64().unwrap();
            let own = ["fit", "neighbors", "speaker", "date", "time", "question"];
            let sum: f64 = own.iter().map(|name| part(name)).sum::<f64>() + part("session");
            let score = item["score"].as_f64().unwrap();
            assert!((sum / 3.0 - score).abs() < 1e-5 || score == 0.0, "{item}");
        }
        let body = found(&user, "the calm lake", json!({ "explain": false })).await;
        assert_eq!(first(&body)["parts"], Value::Null);
    });
}

#[test]
fn a_turn_is_found_by_its_words_before_it_is_embedded() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        holidays(&user).await;
        user.record("new", &[turn("new", "the zephyr lighthouse")])
            .await;
        let body = found(&user, "zephyr", json!({ "limit": 1 })).await;
        assert_eq!(first(&body)["id"], "new", "{body}");
    });
}

#[test]
fn queries_that_say_little_are_answered_all_the_same() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        holidays(&user).await;
        let long = "calm lake ".repeat(9_999);
        for query in [
            "the of and",
            "🙂🙃",
            "озеро было спокойным",
            "a'b\\c & | ! ( ) <->",
            "'",
            "%",
            long.trim(),
        ] {
            let body = found(&user, query, json!({})).await;
            let notices = if query.len() > 10_000 {
                json!(["query_cut"])
            } else {
                json!([])
            };
            assert_eq!(body["notices"], notices, "{query}");
            assert!(
                !body["items"].as_array().unwrap().is_empty(),
                "{query}: {body}"
            );
        }
        for more in [
            json!({ "query": "" }),
            json!({ "query": "  " }),
            json!({ "sessionId": "unknown", "query": "calm lake" }),
        ] {
            let mut body = json!({ "deadlineMs": PATIENT });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let reply = user.context(body).await;
            assert!(!reply.each("items", "id").is_empty(), "{more}: {reply:?}");
        }
        let nobody = deployment.as_somebody();
        let reply = nobody
            .context(json!({ "query": "calm lake", "deadlineMs": PATIENT }))
            .await;
        assert_eq!(reply.body["items"], json!([]), "{reply:?}");
    });
}

#[test]
fn what_was_said_on_a_named_day_is_looked_at_whatever_it_says() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let told = |id: &str, text: &str, at: &str| said(id, "Ann", text, at);
        let king = told("king", "zephyr kayak paddle trip", "2023-01-01T10:00:00Z");
        user.record("king", &[king]).await;
        let lake = told("day", "The lake was so calm.", "2024-05-04T10:00:00Z");
        user.record("day", &[lake]).await;
        let trips: Vec<_> = (0..80)
            .map(|i| told(&format!("t{i}"), "another trip", "2023-02-01T10:00:00Z"))
            .collect();
        user.record("trips", &trips).await;
        for session in ["king", "day", "trips"] {
            user.synced(session).await;
        }
        let query = "the zephyr kayak paddle trip of 4 May 2024";
        let body = found(&user, query, json!({ "limit": 10 })).await;
        assert_eq!(first(&body)["id"], "king", "{body}");
        assert_eq!(body["items"][1]["id"], "day", "{body}");
    });
}

#[test]
fn a_day_begins_where_the_user_is() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        holidays(&user).await;
        let last = said("last", "Ann", "The lake of the end", "9999-12-31T23:59:59Z");
        user.record("end", &[last]).await;
        let zone =
            |zone: &str| json!({ "query": "calm lake", "timeZone": zone, "deadlineMs": PATIENT });
        for (name, day) in [
            ("UTC", "[4 May 2024]"),
            ("Pacific/Kiritimati", "[5 May 2024]"),
        ] {
            let reply = user.context(zone(name)).await;
            reply.is(200);
            let prompt = reply.body["prompt"].as_str().unwrap();
            assert!(
                prompt.contains(&format!("{day}\nAnn: The lake was so calm.")),
                "{prompt}"
            );
            assert!(
                prompt.contains("[31 December 9999]\nAnn: The lake of the end"),
                "{prompt}"
            );
        }
        let refused = user.post("/api/context", zone("Mars/Olympus")).await;
        refused.is_problem(422, "invalid_request");
        assert_eq!(
            refused.body["errors"][0]["pointer"], "/timeZone",
            "{refused:?}"
        );
    });
}
