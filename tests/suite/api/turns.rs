//! `POST /api/turns`

mod bad_input;

use std::time::Duration;

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, turn};
use serde_json::{Value, json};

const PATH: &str = "/api/turns";

#[test]
fn a_repeat_a_conflict_and_a_replacement_are_told_apart() {
    let post = |name, text, policy: Value| {
        let body = json!({ "sessionId": "s", "turns": [turn("1", text)], "onConflict": policy });
        Case::post(name, PATH, body)
    };
    cases::hold([
        post("new", "x", json!(null)).comes_to(201),
        post("again", "x", json!(null)).comes_to(200),
        post("another body", "y", json!("reject"))
            .is_refused(409, "turn_conflict")
            .naming(&["/turns/0"]),
        post("replaced", "y", json!("replace")).comes_to(200),
        post("replaced again", "y", json!("replace")).comes_to(200),
        Case::get("read", "/api/sessions/s"),
    ]);
}

#[test]
fn what_was_sent_comes_back_as_it_was() {
    let sent = json!([
        {
            "id": "parts", "role": "assistant",
            "content": [
                { "type": "text", "text": "Grüße, 世界 👩‍👩‍👧‍👦" },
                { "type": "tool-weather", "toolCallId": "c1", "input": { "city": "Łódź" } },
                { "type": "text", "text": "Take an umbrella." },
            ],
            "attachments": [{ "url": "https://example.com/a.png", "name": "a\u{2028}b" }],
            "toolCalls": [{ "id": "c1", "arguments": { "n": [1, 2.5, -3, null, true] } }],
            "toolResults": [{ "id": "c1", "result": null }],
            "metadata": { "b": 1, "a": { "": "an empty name" }, "é": "ü" },
            "createdAt": "2026-05-20T11:30:00.123456+02:00",
        },
        { "id": "plain", "role": "user", "content": "  kept\r\nas it is  " },
        { "id": "nothing", "role": "user", "content": "" },
    ]);
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let recorded = user.record("Sitzung/1 ß?", sent.as_array().unwrap()).await;
        assert_eq!(recorded.body["sessionId"], "Sitzung/1 ß?");
        assert_eq!(recorded.each("turns", "seq"), [1, 2, 3]);

        let read = user.get("/api/sessions/Sitzung%2F1%20%C3%9F%3F").await;
        read.is(200);
        assert_eq!(read.body["session"]["sessionId"], "Sitzung/1 ß?");
        assert_eq!(
            read.each("turns", "turnId"),
            recorded.each("turns", "turnId")
        );
        for (place, turn) in sent.as_array().unwrap().iter().enumerate() {
            for (name, value) in turn.as_object().unwrap() {
                let stored = &read.body["turns"][place][name];
                match name.as_str() {
                    "createdAt" => assert_eq!(stored, "2026-05-20T09:30:00.123456Z"),
                    _ => assert_eq!(stored, value, "{name}"),
                }
            }
        }
    });
}

#[test]
fn a_turn_without_words_waits_for_nobody() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let call = json!([{ "type": "tool-weather", "toolCallId": "c1" }]);
        let turns = [json!({ "id": "1", "role": "assistant", "content": call })];
        let recorded = user.record("tools", &turns).await;
        assert_eq!(recorded.body["adapters"]["upstash"]["status"], "skipped");

        let synced = user
            .post("/api/sessions/sync", json!({ "sessionId": "tools" }))
            .await;
        synced.is(202);
        assert_eq!(synced.body["pending"], json!({ "embed": 0, "mem0": 0 }));
        assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");
        let turn = uuid(&recorded.each("turns", "turnId")[0]);
        let states =
            "select count(*) from memories.adapter_syncs where turn_id = $1 and state = 'skipped'";
        assert_eq!(deployment.count(states, &[&turn]).await, 1);
    });
}

#[test]
fn a_text_without_a_single_word_does_not_hold_up_the_others() {
    on_both_hosts(async |deployment| {
        let user = deployment.as_somebody();
        let turns = [
            turn("1", "🙂"),
            turn("2", "?!"),
            turn("3", "the of and"),
            turn("4", "tea"),
        ];
        user.record("s", &turns).await;
        user.synced("s").await;
    });
}

#[test]
fn a_request_id_is_kept_when_it_is_a_plain_one() {
    on_both_hosts(async |deployment| {
        for (sent, kept) in [
            ("abc-1_2.3:4", true),
            ("a b", false),
            (&"x".repeat(129), false),
        ] {
            let client = deployment.as_nobody().with("x-request-id", sent);
            let reply = client.post(PATH, json!({})).await;
            reply.is_problem(401, "unauthorized");
            assert_eq!(reply.header("x-request-id") == sent, kept, "{sent}");
        }
    });
}

#[test]
fn an_answer_says_what_each_adapter_did_and_how_long_it_took() {
    on_both_hosts(async |deployment| {
        let reply = deployment
            .as_somebody()
            .record("s", &[turn("1", "x")])
            .await;
        let adapters = &reply.body["adapters"];
        assert_eq!(adapters["supabase"]["status"], "ok", "{reply:?}");
        assert_eq!(adapters["upstash"]["status"], "ok", "{reply:?}");
        assert_eq!(adapters["mem0"]["status"], "skipped", "{reply:?}");
        let timing = reply.header("server-timing");
        for name in ["total;dur=", "supabase;dur=", "upstash;dur="] {
            assert!(timing.contains(name), "{timing}");
        }
        assert!(reply.took < Duration::from_secs(5), "{reply:?}");
    });
}

fn uuid(value: &Value) -> uuid::Uuid {
    value.as_str().unwrap().parse().unwrap()
}
