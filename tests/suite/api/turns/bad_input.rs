//! What `POST /api/turns` refuses, and how it says so.

use black_box::cases::{self, Case};
use black_box::turn;
use serde_json::{Value, json};

use super::PATH;

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
