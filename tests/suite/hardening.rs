//! Walls that every request meets, whoever sends it: pages of other origins, bodies that are too much, ids that are no ids,
//! and what the functions may call. And what their dependencies are.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

use black_box::cases::{self, Case};
use black_box::{Deployment, on_both_hosts, on_own_deployments};
use devstack::stack::workspace;
use serde_json::{Value, json};

const APP: &str = "https://app.example";

fn open_to_the_app(settings: &mut devstack::stack::StackSettings) {
    let origins = format!("{APP}, http://localhost:3000");
    settings
        .env
        .insert("MEMORY_CORS_ORIGINS".to_owned(), origins);
}

/// What a browser sends before a page's request.
fn preflight(origin: &str) -> [(&'static str, String); 3] {
    [
        ("origin", origin.to_owned()),
        ("access-control-request-method", "POST".to_owned()),
        (
            "access-control-request-headers",
            "authorization,content-type".to_owned(),
        ),
    ]
}

fn asked_by_a_browser(name: &str, path: &str, origin: &str) -> Case {
    let case = Case::new(name, "OPTIONS", path).without_token();
    preflight(origin)
        .into_iter()
        .fold(case, |case, (name, value)| case.header(name, value))
}

#[test]
fn no_page_may_call_unless_the_deployment_names_its_origin() {
    cases::hold([
        asked_by_a_browser("any page", "/api/context", APP).allows_only("POST"),
        asked_by_a_browser("no page", "/api/context", "null").allows_only("POST"),
    ]);
    on_both_hosts(async |deployment| {
        let reply = deployment.as_somebody().with("origin", APP);
        let reply = reply.get("/api/sessions").await;
        reply.is(200);
        for (name, _) in &reply.headers {
            assert!(!name.as_str().starts_with("access-control-"), "{name}");
        }
    });
}

#[test]
fn a_page_of_a_named_origin_may_call_and_read() {
    on_own_deployments(open_to_the_app, async |deployment: &mut Deployment| {
        for origin in [APP, "http://localhost:3000"] {
            let answer = ask_first(deployment, origin).await;
            assert_eq!(answer.status(), 204);
            let header = |name: &str| text(&answer, name);
            assert_eq!(header("access-control-allow-origin"), origin);
            assert_eq!(header("access-control-allow-methods"), "POST");
            let allowed = header("access-control-allow-headers");
            assert!(allowed.contains("authorization") && allowed.contains("content-type"));
            assert!(!allowed.contains("x-memory-user"), "that is for servers");
            assert_eq!(header("access-control-allow-credentials"), "");
            assert_eq!(header("vary"), "origin");
            assert_eq!(header("cache-control"), "no-store");

            let page = deployment.as_somebody().with("origin", origin);
            let reply = page.get("/api/sessions").await;
            reply.is(200);
            assert_eq!(reply.header("access-control-allow-origin"), origin);
            let read = reply.header("access-control-expose-headers");
            assert!(read.contains("x-request-id") && read.contains("retry-after"));
            // A refusal is an answer too, and a page has to be able to read it.
            let page = deployment.as_nobody().with("origin", origin);
            let reply = page.get("/api/sessions").await;
            reply.is_problem(401, "unauthorized");
            assert_eq!(reply.header("access-control-allow-origin"), origin);
        }
        for origin in [
            "https://app.example.evil",
            "http://app.example",
            "null",
            "*",
        ] {
            let answer = ask_first(deployment, origin).await;
            assert_eq!(answer.status(), 405, "{origin}");
            assert_eq!(text(&answer, "access-control-allow-origin"), "", "{origin}");
            assert_eq!(text(&answer, "vary"), "origin");
        }
    });
}

/// Not an operation of the API, so not by its client.
async fn ask_first(deployment: &Deployment, origin: &str) -> reqwest::Response {
    let url = format!("{}/api/turns", deployment.stack.url);
    let request = reqwest::Client::new().request(reqwest::Method::OPTIONS, url);
    let asks = |request: reqwest::RequestBuilder, (name, value)| request.header(name, value);
    let request = preflight(origin).into_iter().fold(request, asks);
    request.send().await.unwrap()
}

fn text(answer: &reqwest::Response, name: &str) -> String {
    let value = answer.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

#[test]
fn every_answer_is_for_a_program_and_not_for_a_page() {
    on_both_hosts(async |deployment| {
        let somebody = deployment.as_somebody();
        for reply in [
            somebody.get("/api/sessions").await,
            somebody.get("/api/sessions/none").await,
            somebody.post("/api/turns", json!([])).await,
            deployment.as_nobody().get("/api/sessions").await,
            deployment.as_nobody().get("/api/health").await,
        ] {
            for (name, value) in [
                ("cache-control", "no-store"),
                ("cross-origin-resource-policy", "same-origin"),
                ("referrer-policy", "no-referrer"),
                ("strict-transport-security", "max-age=63072000"),
                ("x-content-type-options", "nosniff"),
            ] {
                assert_eq!(reply.header(name), value, "{reply:?}");
            }
            let policy = reply.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{reply:?}");
        }
    });
}

#[test]
fn a_body_is_bounded_before_it_is_read_and_so_is_its_depth() {
    let turns = |metadata: String| {
        let head =
            r#"{"sessionId":"deep","turns":[{"id":"1","role":"user","content":"x","metadata":"#;
        format!("{head}{metadata}}}]}}")
    };
    let deep = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let post = |name: &str, bytes: String| Case::post(name, "/api/turns", Value::Null).bytes(bytes);
    cases::hold([
        post("a hundred levels", turns(deep(100))).comes_to(201),
        post("a hundred and thirty levels", turns(deep(130))).is_refused(400, "invalid_json"),
        post("a hundred thousand levels", turns(deep(100_000))).is_refused(400, "invalid_json"),
        post("levels that never close", "[".repeat(500_000)).is_refused(400, "invalid_json"),
        // Were it read, it would be said to be no JSON.
        post(
            "a megabyte and a byte of rubbish",
            "[".repeat((1 << 20) + 1),
        )
        .is_refused(413, "body_too_large"),
        post("two megabytes", "x".repeat(2 << 20)).is_refused(413, "body_too_large"),
    ]);
}

#[test]
fn an_id_of_a_request_is_one_or_is_replaced() {
    on_both_hosts(async |deployment| {
        let answered = async |id: &str| {
            let client = deployment.as_somebody().with("x-request-id", id);
            let reply = client.get("/api/sessions").await;
            reply.is(200);
            reply.header("x-request-id").to_owned()
        };
        for id in ["a", "req_01.A-b:9", &"x".repeat(128)] {
            assert_eq!(answered(id).await, id);
        }
        for id in [
            &"x".repeat(129) as &str,
            "<script>",
            "a b",
            "{\"level\":\"ERROR\"}",
            "%0d%0aset-cookie:a",
            "${jndi:ldap://x}",
        ] {
            let given = answered(id).await;
            assert!(uuid::Uuid::try_parse(&given).is_ok(), "{id}: {given}");
        }
    });
}

#[test]
fn a_provider_cannot_send_the_functions_elsewhere() {
    // Whoever connects here was sent by the redirect.
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap();
    let redirects = TcpListener::bind("127.0.0.1:0").unwrap();
    let provider = format!("http://{}/v1/embeddings", redirects.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in redirects.incoming().flatten() {
            redirect(stream, address);
        }
    });
    on_own_deployments(
        |settings| {
            let name = "EMBEDDINGS_URL".to_owned();
            settings.env.insert(name, provider.clone());
        },
        async |deployment: &mut Deployment| {
            let user = deployment.as_somebody();
            let reply = user.context(json!({ "query": "tea" })).await;
            assert_eq!(reply.body["degraded"], json!(["embeddings"]), "{reply:?}");
            // Nor can the caller.
            let user = user
                .with("host", "127.0.0.1:1")
                .with("x-forwarded-host", "127.0.0.1:1");
            let reply = user.context(json!({ "query": "tea" })).await;
            assert_eq!(reply.body["degraded"], json!(["embeddings"]), "{reply:?}");
        },
    );
    assert!(elsewhere.accept().is_err(), "a redirect was followed");
}

/// Reads a request's head and sends it on.
fn redirect(mut stream: std::net::TcpStream, to: std::net::SocketAddr) {
    use std::io::{Read as _, Write as _};
    let mut head = [0; 4096];
    let _ = stream.read(&mut head);
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{to}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(answer.as_bytes());
}

/// What `cargo deny check licenses sources` would say, without it: see deny.toml.
#[test]
fn dependencies_come_from_one_place_and_under_licences_that_we_may_ship() {
    let rules = fs::read_to_string(workspace().join("deny.toml")).unwrap();
    let (_, licences) = rules.split_once("[licenses]\nallow = [").unwrap();
    let (licences, _) = licences.split_once(']').unwrap();
    let allowed: BTreeSet<_> = licences.split('"').skip(1).step_by(2).collect();
    assert!(allowed.contains("MIT"));

    let mut command = Command::new(env!("CARGO"));
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command
        .current_dir(workspace())
        .args(["metadata", "--offline", "--locked", "--all-features"])
        .args(["--format-version=1", "--filter-platform", &target]);
    let metadata: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100);
    for package in packages {
        let name = &package["name"];
        if let Some(source) = package["source"].as_str() {
            let registry = "registry+https://github.com/rust-lang/crates.io-index";
            assert_eq!(source, registry, "{name}");
        }
        let licence = package["license"].as_str().unwrap_or_default();
        let all = licence.replace(['(', ')'], "").replace('/', " OR ");
        // Each part must hold; of a part one choice must be allowed.
        for part in all.split(" AND ") {
            let allowed = part.split(" OR ").any(|one| allowed.contains(one.trim()));
            assert!(allowed, "{name} is under {licence}");
        }
    }
}
