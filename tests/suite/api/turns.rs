//! `POST /api/turns`

use std::time::Duration;

use black_box::cases::{self, Case};
use black_box::{on_both_hosts, turn};
use serde_json::{Value, json};

const PATH: &str = "/api/turns";
const MIB: usize = 1024 * 1024;

/// A body of one turn, with a change at a pointer.
fn body(pointer: &str, value: Value) -> Value {
    let mut body = json!({ "sessionId": "s", "turns": [turn("1", "x")] });
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
    body
}

/// A body whose one turn has this text, padded to so many bytes.
fn body_of(bytes: usize) -> String {
    let frame = |text: &str| json!({ "sessionId": "large", "turns": [turn("1", text)] });
    let room = bytes - frame("").to_string().len();
    frame(&"word ".repeat(room / 5 + 1)[..room]).to_string()
}

fn invalid(name: &str, pointer: &'static str, value: Value) -> Case {
    Case::post(name, PATH, body(pointer, value)).is_invalid_at(&[pointer])
}

#[test]
fn what_is_not_json_is_refused() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"sessionId":"s","turns":{open}{close}}}"#)
    };
    let surrogate = r#"{"sessionId":"s","turns":[{"id":"1","role":"user","content":"\ud800"}]}"#;
    let mut broken = body("/title", json!("x")).to_string().into_bytes();
    let quote = broken.iter().position(|byte| *byte == b'x').unwrap();
    broken[quote] = 0xff;
    let refused = |name, bytes: Vec<u8>| {
        Case::new(name, "POST", PATH)
            .bytes(bytes)
            .is_refused(400, "invalid_json")
    };
    cases::hold([
        refused("no body", Vec::new()),
        refused("half a body", br#"{"sessionId":"#.to_vec()),
        refused("something after it", b"{} {}".to_vec()),
        refused(
            "a number that is too large",
            br#"{"sessionId":1e999}"#.to_vec(),
        ),
        refused("a lone surrogate", surrogate.into()),
        refused("invalid UTF-8", broken),
        refused("nesting past the limit", deep(200).into()),
        Case::new("nesting below the limit is read", "POST", PATH)
            .bytes(deep(100))
            .is_invalid_at(&["/turns/0"]),
    ]);
}

#[test]
fn every_kind_of_fault_is_named_by_its_place() {
    let many: Vec<_> = (0..101).map(|id| turn(&id.to_string(), "x")).collect();
    let long = "x".repeat(256);
    cases::hold([
        Case::post("not an object", PATH, json!([])).is_invalid_at(&[""]),
        Case::post("nothing", PATH, json!({})).is_invalid_at(&["/sessionId", "/turns"]),
        invalid("an unknown field", "/colour", json!(1)),
        invalid("an unknown field of a turn", "/turns/0/colour", json!(1)),
        Case::post(
            "a name that a pointer escapes",
            PATH,
            json!({ "sessionId": "s", "turns": [turn("1", "x")], "a/b~c": 1 }),
        )
        .is_invalid_at(&["/a~1b~0c"]),
        invalid("a wrong type", "/sessionId", json!(7)),
        invalid("no session", "/sessionId", json!(null)),
        invalid("a wrong type of turns", "/turns", json!({})),
        invalid("an empty session id", "/sessionId", json!("")),
        invalid("an empty turn id", "/turns/0/id", json!("")),
        invalid("a session id of 256 characters", "/sessionId", json!(long)),
        invalid("a turn id of 256 characters", "/turns/0/id", json!(long)),
        invalid("a tab in an id", "/turns/0/id", json!("a\tb")),
        invalid("no turns", "/turns", json!([])),
        invalid("101 turns", "/turns", json!(many)),
        invalid("an unknown role", "/turns/0/role", json!("robot")),
        invalid(
            "an unknown answer to conflicts",
            "/onConflict",
            json!("merge"),
        ),
        invalid(
            "a title of 501 characters",
            "/title",
            json!("x".repeat(501)),
        ),
        invalid("a number as content", "/turns/0/content", json!(5)),
        invalid(
            "attachments that are no list",
            "/turns/0/attachments",
            json!({}),
        ),
        invalid("metadata that is no object", "/turns/0/metadata", json!([])),
        invalid(
            "a time that is none",
            "/turns/0/createdAt",
            json!("yesterday"),
        ),
        invalid(
            "a time without a zone",
            "/turns/0/createdAt",
            json!("2026-05-20T09:30:00"),
        ),
        invalid(
            "a day that is none",
            "/turns/0/createdAt",
            json!("2026-02-30T00:00:00Z"),
        ),
        invalid(
            "the year 0",
            "/turns/0/createdAt",
            json!("0000-01-01T00:00:00Z"),
        ),
        invalid(
            "the year 10000 in UTC",
            "/turns/0/createdAt",
            json!("9999-12-31T23:00:00-14:00"),
        ),
        invalid("a NUL in a title", "/title", json!("a\0b")),
        invalid("a NUL in a text", "/turns/0/content", json!("a\0b")),
        Case::post(
            "parts that are none",
            PATH,
            body("/turns/0/content", json!([1, {}])),
        )
        .is_invalid_at(&["/turns/0/content/0", "/turns/0/content/1/type"]),
        Case::post(
            "a text part without its text, and one with a number",
            PATH,
            body(
                "/turns/0/content",
                json!([{ "type": "text" }, { "type": "text", "text": 1 }]),
            ),
        )
        .is_invalid_at(&["/turns/0/content/0/text", "/turns/0/content/1/text"]),
        Case::post(
            "a NUL in a part",
            PATH,
            body(
                "/turns/0/content",
                json!([{ "type": "text", "text": "\0" }]),
            ),
        )
        .is_invalid_at(&["/turns/0/content/0/text"]),
        Case::post(
            "a NUL deep in metadata",
            PATH,
            body("/turns/0/metadata", json!({ "a": [{ "b": "\0" }] })),
        )
        .is_invalid_at(&["/turns/0/metadata/a/0/b"]),
        Case::post(
            "a NUL in a name",
            PATH,
            body("/turns/0/metadata", json!({ "a\0": 1 })),
        )
        .is_invalid_at(&["/turns/0/metadata/a\0"]),
        Case::post(
            "one id twice",
            PATH,
            json!({ "sessionId": "s", "turns": [turn("1", "x"), turn("2", "x"), turn("1", "y")] }),
        )
        .is_invalid_at(&["/turns/2/id"]),
        Case::post(
            "one UUID twice, in two forms",
            PATH,
            json!({ "sessionId": "s", "turns": [
                turn("0192f0c1-2345-7abc-8def-0123456789ab", "x"),
                turn("0192F0C1-2345-7ABC-8DEF-0123456789AB", "x"),
            ] }),
        )
        .is_invalid_at(&["/turns/1/id"]),
        Case::post(
            "every fault at once",
            PATH,
            json!({ "sessionId": "", "colour": 1, "onConflict": 1, "turns": [
                { "id": "", "role": "robot", "content": "\0" },
                { "id": "2", "role": "user", "content": "fine" },
                { "id": "3", "role": "user", "content": [{}], "createdAt": "now", "shape": 1 },
                7,
            ] }),
        )
        .is_invalid_at(&[
            "/colour",
            "/onConflict",
            "/sessionId",
            "/turns/0/content",
            "/turns/0/id",
            "/turns/0/role",
            "/turns/2/content/0/type",
            "/turns/2/createdAt",
            "/turns/2/shape",
            "/turns/3",
        ]),
        Case::get("nothing of all that was written", "/api/sessions/s")
            .is_refused(404, "not_found"),
    ]);
}

#[test]
fn a_body_of_one_mebibyte_is_read_and_a_longer_one_is_not() {
    cases::hold([
        Case::new("1 MiB", "POST", PATH)
            .bytes(body_of(MIB))
            .comes_to(201),
        Case::new("a byte more", "POST", PATH)
            .bytes(body_of(MIB + 1))
            .is_refused(413, "body_too_large"),
        Case::new("far more", "POST", PATH)
            .bytes(body_of(4 * MIB))
            .is_refused(413, "body_too_large"),
    ]);
}

#[test]
fn only_json_is_posted_and_only_post_is_answered() {
    let sound = || body("/sessionId", json!("kinds")).to_string();
    let typed =
        |kind: Option<&str>| Case::new(&format!("as {kind:?}"), "POST", PATH).typed(kind, sound());
    let refused = |kind| typed(kind).is_refused(415, "unsupported_media_type");
    let method = |method| Case::new(method, method, PATH).allows_only("POST");
    cases::hold([
        refused(None),
        refused(Some("text/plain")),
        refused(Some("application/x-www-form-urlencoded")),
        refused(Some("application/jsonp")),
        typed(Some("Application/JSON ; charset=utf-8")).comes_to(201),
        typed(Some("application/json;charset=UTF-8")).comes_to(200),
        method("GET"),
        method("PUT"),
        method("PATCH"),
        method("DELETE"),
        method("OPTIONS"),
    ]);
}

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
