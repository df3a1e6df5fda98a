//! The translation both ways, and real binaries behind the router on both hosts.

use super::{
    Router, RouterSettings, answer,
    event::{Context, event},
    route::{Matched, find},
    vercel,
};
use crate::functions::{Functions, Host, Profile, SpawnSettings, build_package};
use bytes::Bytes;
use http::{Request, StatusCode, request::Parts};
use memory_orchestrator::endpoints::Route;
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc, time::Duration};
use time::OffsetDateTime;

const SESSION: Route = Route {
    name: "session",
    path: "/api/sessions/{id}",
    file: "sessions/[id].rs",
};

fn matched(path: &str) -> Matched {
    find(&[SESSION], path).unwrap()
}

fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method("POST").uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn event_of(uri: &str, headers: &[(&str, &str)], body: &'static [u8]) -> Value {
    let context = Context {
        request_id: "r1".into(),
        at: OffsetDateTime::from_unix_timestamp(1_583_348_638).unwrap(),
    };
    let parts = parts(uri, headers);
    event(
        &matched(parts.uri.path()),
        &parts,
        &Bytes::from_static(body),
        &context,
    )
}

#[test]
fn an_event_carries_the_request() {
    let event = event_of(
        "/api/sessions/a%20b?limit=2&limit=3&q=x+y",
        &[
            ("Host", "localhost:3000"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("X-Twice", "one"),
            ("X-Twice", "two"),
            ("Cookie", "a=1; b=2"),
        ],
        b"{\"k\":1}",
    );
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "ANY /api/sessions/{id}");
    assert_eq!(event["rawPath"], "/api/sessions/a%20b");
    assert_eq!(event["rawQueryString"], "limit=2&limit=3&q=x+y");
    assert_eq!(
        event["queryStringParameters"],
        json!({"limit": "2,3", "q": "x y"})
    );
    assert_eq!(event["pathParameters"], json!({"id": "a b"}));
    assert_eq!(event["headers"]["x-twice"], "one,two");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["cookies"], json!(["a=1", "b=2"]));
    assert_eq!(event["body"], "{\"k\":1}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["stage"], "$default");
    assert_eq!(context["time"], "04/Mar/2020:19:03:58 +0000");
    assert_eq!(context["timeEpoch"], 1_583_348_638_000_i64);
}

#[test]
fn an_event_leaves_out_what_is_empty_and_encodes_what_is_no_text() {
    let bare = event_of("/api/sessions/a", &[], b"");
    for absent in ["body", "cookies", "queryStringParameters"] {
        assert!(bare.get(absent).is_none(), "{absent}");
    }
    let binary = event_of("/api/sessions/a", &[("content-type", "image/png")], b"png");
    assert_eq!(binary["isBase64Encoded"], true);
    assert_eq!(binary["body"], "cG5n");
    let json = [("content-type", "application/json")];
    let not_utf8 = event_of("/api/sessions/a", &json, b"\xff");
    assert_eq!(not_utf8["isBase64Encoded"], true);
    assert_eq!(not_utf8["body"], "/w==");
}

#[test]
fn an_answer_becomes_a_response() {
    let answered = json!({
        "statusCode": 201,
        "headers": {"content-type": "application/problem+json", "retry-after": 3},
        "multiValueHeaders": {"x-ignored": ["a"]},
        "cookies": ["a=1", "b=2"],
        "body": "eyJ9",
        "isBase64Encoded": true,
    });
    let response = answer::response(StatusCode::OK, &Bytes::from(answered.to_string()));
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["retry-after"], "3");
    assert!(!response.headers().contains_key("x-ignored"));
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    assert_eq!(response.body().as_ref(), b"{\"}");
}

#[test]
fn a_failed_function_is_an_internal_server_error_without_its_text() {
    for payload in [
        r#"{"errorType":"panic","errorMessage":"a secret"}"#,
        "Task timed out after 3.00 seconds",
        r#"{"statusCode":7}"#,
        r#"{"statusCode":200,"headers":{"bad name":"x"}}"#,
    ] {
        let response = answer::response(StatusCode::OK, &Bytes::from(payload));
        assert_eq!(
            response.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{payload}"
        );
        assert_eq!(
            response.body().as_ref(),
            br#"{"message":"Internal Server Error"}"#
        );
    }
}

#[test]
fn vercel_adds_the_parameter_to_the_query_and_keeps_the_path() {
    let parts = parts(
        "/api/sessions/a%20b?limit=2",
        &[("host", "localhost:3000"), ("x-a", "b")],
    );
    let matched = matched("/api/sessions/a%20b");
    let request = vercel::request(&matched, parts, Bytes::from_static(b"{}"), 4000).unwrap();
    assert_eq!(
        request.uri(),
        "http://127.0.0.1:4000/api/sessions/a%20b?limit=2&id=a%20b"
    );
    assert_eq!(request.headers()["host"], "localhost:3000");
    assert_eq!(request.headers()["x-forwarded-host"], "localhost:3000");
    assert_eq!(request.headers()["content-length"], "2");
    assert_eq!(request.headers()["x-a"], "b");
}

#[test]
fn on_vercel_a_callers_own_id_hides_the_one_in_the_path() {
    let given = parts("/api/sessions/a?id=b", &[]);
    let request = vercel::request(&matched("/api/sessions/a"), given, Bytes::new(), 4000).unwrap();
    assert_eq!(request.uri().path(), "/api/sessions/a");
    assert_eq!(request.uri().query(), Some("id=b"));
}

/// A router before the smallest function of a host.
fn hello(host: Host) -> (Router, Arc<Functions>) {
    let routes = vec![Route {
        name: "hello",
        path: "/api/hello/{id}",
        file: match host {
            Host::Vercel => "src/vercel.rs",
            Host::Lambda => "src/lambda.rs",
        },
    }];
    let built = build_package("hello-function", host, Profile::Dev).unwrap();
    let settings = SpawnSettings {
        timeout: Duration::from_secs(5),
        ..SpawnSettings::default()
    };
    let functions = Arc::new(Functions::spawn(&built, &routes, &settings).unwrap());
    let router = Router::start(RouterSettings {
        listener: std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap(),
        routes,
        functions: functions.clone(),
        public: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../public")),
    });
    (router.unwrap(), functions)
}

async fn answers_empty_object(url: &str, body: Vec<u8>) {
    let answer = reqwest::Client::new()
        .post(url)
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "{}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_binaries_answer_through_the_router_on_both_hosts() {
    for host in Host::ALL {
        let (router, functions) = hello(host);
        let url = format!("{}/api/hello/a%20b?x=1", router.url());
        answers_empty_object(&url, b"{}".to_vec()).await;

        // Small, since hello answers without reading, and may close before a long body is sent.
        let many = (0..20).map(|_| answers_empty_object(&url, vec![b' '; 1_000]));
        futures_util::future::join_all(many).await;

        functions.kill("hello").unwrap();
        answers_empty_object(&url, Vec::new()).await;
        assert!(!functions.pids("hello").is_empty());

        let nothing = reqwest::get(format!("{}/api/nothing", router.url()))
            .await
            .unwrap();
        assert_eq!(nothing.status(), 404);
        let robots = reqwest::get(format!("{}/robots.txt", router.url()))
            .await
            .unwrap();
        assert_eq!(robots.status(), 200);

        router.stop();
        functions.stop();
        assert!(functions.pids("hello").is_empty());
    }
}
