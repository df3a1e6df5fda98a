//! The function against the service's own adapter, and against everybody who may not or asks wrongly.

use std::{path::PathBuf, sync::Arc, time::Duration};

use memory_orchestrator::{
    adapters::{
        ErrorKind,
        embeddings::{EmbeddableText, Embedder, TextRole},
        http::Outbound,
    },
    config,
    domain::deadline::Deadline,
    redact::Redactor,
};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Deno, EdgeFunction, Settings, source};
use crate::stack::tokens::{HOUR, SERVICE, USER, mint};

const JWT_SECRET: &str = "a secret of at least thirty-two characters";
const SECRET_KEY: &str = "sb_secret_what_the_dashboard_shows";

/// The running function, its key, and its log. Dropped, all is gone.
struct Bench {
    function: EdgeFunction,
    service: String,
    log: PathBuf,
}

impl Bench {
    /// None where Deno cannot be had.
    async fn start() -> Option<Self> {
        let service = mint(JWT_SECRET, None, SERVICE, HOUR).unwrap();
        Self::with(
            Some(service),
            Some(json!({ "default": SECRET_KEY }).to_string()),
        )
        .await
    }

    async fn with(service_role_key: Option<String>, secret_keys: Option<String>) -> Option<Self> {
        let deno = match Deno::installed().await {
            Ok(deno) => deno,
            Err(reason) => {
                crate::skipped(&reason);
                return None;
            }
        };
        let log = std::env::temp_dir().join(format!("edge-{}.log", Uuid::new_v4().simple()));
        let settings = Settings {
            service_role_key: service_role_key.clone(),
            secret_keys,
            log: log.clone(),
        };
        Some(Self {
            function: EdgeFunction::start(&deno, &settings).await.unwrap(),
            service: service_role_key.unwrap_or_default(),
            log,
        })
    }

    fn embedder(&self, key: &str) -> Embedder {
        let config = config::Embeddings {
            provider: config::EmbeddingsProvider::Supabase,
            url: self.function.url().to_owned(),
            key: Some(config::Secret::new(key)),
            model: "gte-small".to_owned(),
            dimensions: 384,
            trusted: false,
        };
        Embedder::new(config, Arc::default(), Arc::new(Outbound::new(None)))
    }

    fn request(&self, method: Method) -> RequestBuilder {
        Client::new().request(method, self.function.url())
    }

    /// What the service role gets for a body.
    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, Value) {
        answer(
            self.request(Method::POST)
                .bearer_auth(&self.service)
                .body(body),
        )
        .await
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A file in the system's folder for such.
        let _ = std::fs::remove_file(&self.log);
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap())
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

#[tokio::test]
async fn the_services_adapter_is_served() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let redactor = Redactor::default();
    let numbers = (0..40).chain([3]);
    let texts = numbers.map(|n| redactor.redact(&format!("turn {n} of a talk")).into());
    let texts: Vec<EmbeddableText> = texts.collect();
    let texts: Vec<&EmbeddableText> = texts.iter().collect();
    for key in [bench.service.as_str(), SECRET_KEY] {
        let vectors = bench
            .embedder(key)
            .embed(&texts, TextRole::Document, soon())
            .await
            .unwrap();
        assert_eq!(vectors.len(), 41);
        assert_eq!(vectors[3], vectors[40]);
        assert_ne!(vectors[3], vectors[4]);
        let length: f32 = vectors[0].iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
    let denied = bench
        .embedder("wrong")
        .embed(&texts, TextRole::Document, soon())
        .await;
    assert_eq!(denied.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test]
async fn an_answer_has_openais_shape() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let body = json!({
        "model": "gte-small", "input": "twelve bytes", "encoding_format": "float", "dimensions": 384,
        "user": "whoever",
    });
    let (status, answer) = bench.post(body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["object"], "list");
    assert_eq!(answer["model"], "gte-small");
    assert_eq!(
        answer["usage"],
        json!({ "prompt_tokens": 3, "total_tokens": 3 })
    );
    assert_eq!(answer["data"].as_array().unwrap().len(), 1);
    assert_eq!(answer["data"][0]["object"], "embedding");
    assert_eq!(answer["data"][0]["index"], 0);
    assert_eq!(
        answer["data"][0]["embedding"].as_array().unwrap().len(),
        384
    );
}

#[tokio::test]
async fn only_a_secret_key_lets_in() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let body = json!({ "model": "gte-small", "input": "hello" }).to_string();
    let post = || bench.request(Method::POST).body(body.clone());
    let anon = mint(JWT_SECRET, None, "anon", HOUR).unwrap();
    let user = mint(JWT_SECRET, Some(Uuid::nil()), USER, HOUR).unwrap();
    // Signed with another secret; and one that is right but for its end.
    let forged = mint(
        "another secret of thirty-two characters",
        None,
        SERVICE,
        HOUR,
    )
    .unwrap();
    let cut = &bench.service[..bench.service.len() - 1];
    for refused in [
        post(),
        post().bearer_auth(anon),
        post().bearer_auth(&user),
        post().bearer_auth(forged),
        post().bearer_auth(cut),
        post().bearer_auth(""),
        post().bearer_auth("sb_publishable_what_the_dashboard_shows"),
        post().header("apikey", "wrong"),
        post().basic_auth("service_role", Some(SECRET_KEY)),
    ] {
        let (status, answer) = answer(refused).await;
        assert_eq!(status, 401, "{answer}");
        assert_eq!(answer["error"]["code"], "invalid_api_key");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
    }
    for let_in in [
        post().bearer_auth(&bench.service),
        post().bearer_auth(SECRET_KEY),
        post().header("apikey", SECRET_KEY),
        post().bearer_auth(&user).header("apikey", SECRET_KEY),
    ] {
        assert_eq!(answer(let_in).await.0, 200);
    }
}

#[tokio::test]
async fn a_wrong_request_is_told_what_is_wrong() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let with = |field: &str, value: Value| {
        let mut body = json!({ "model": "gte-small", "input": "hello" });
        body[field] = value;
        body.to_string()
    };
    let (long, short) = ("word ".repeat(500), "word ".repeat(200));
    for (body, status, param) in [
        ("{".to_owned(), 400, Value::Null),
        ("[]".to_owned(), 400, Value::Null),
        (
            json!({ "model": "gte-small" }).to_string(),
            400,
            json!("input"),
        ),
        (with("input", json!("")), 400, json!("input")),
        (with("input", json!([])), 400, json!("input")),
        (with("input", json!(["hello", ""])), 400, json!("input")),
        (with("input", json!([1, 2])), 400, json!("input")),
        (with("input", json!(vec!["hello"; 33])), 413, json!("input")),
        (
            with("input", json!([long, long, long])),
            413,
            json!("input"),
        ),
        (
            with("input", json!([short, short, short, short, short])),
            413,
            json!("input"),
        ),
        (
            with("model", json!("text-embedding-3-small")),
            404,
            json!("model"),
        ),
        (with("model", Value::Null), 404, json!("model")),
        (
            with("encoding_format", json!("base64")),
            400,
            json!("encoding_format"),
        ),
        (with("dimensions", json!(512)), 400, json!("dimensions")),
        (with("inputs", json!("hello")), 400, json!("inputs")),
    ] {
        let (found, answer) = bench.post(body.clone()).await;
        assert_eq!(found, status, "{body}: {answer}");
        assert_eq!(answer["error"]["param"], param, "{body}: {answer}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
    }
    let (status, _) = bench.post(vec![b'"', 0xff, b'"']).await;
    assert_eq!(status, 400);
    let (status, _) = bench.post(with("input", json!("x".repeat(1 << 20)))).await;
    assert_eq!(status, 413);

    let get = bench.request(Method::GET).bearer_auth(&bench.service);
    let response = get.send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn one_text_is_taken_however_long() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let text = "word ".repeat(200_000);
    for input in [json!(text), json!([text])] {
        let body = json!({ "model": "gte-small", "input": input });
        let (status, answer) = bench.post(body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["usage"]["total_tokens"], 512);
    }
}

#[tokio::test]
async fn a_failing_model_is_a_failure_and_no_text_is_logged() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let body = json!({ "model": "gte-small", "input": ["fine", "break the model"] });
    let (status, answer) = bench.post(body.to_string()).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(answer["error"]["type"], "server_error");
    let logged = std::fs::read_to_string(&bench.log).unwrap();
    assert!(logged.contains("Error"), "{logged}");
    assert!(!logged.contains("break the model"), "{logged}");
}

#[tokio::test]
async fn without_a_key_nobody_is_let_in_and_a_broken_one_is_not_logged() {
    let body = json!({ "model": "gte-small", "input": "hello" }).to_string();
    for keys in [None, Some("sb_secret_not_an_object".to_owned())] {
        let Some(bench) = Bench::with(None, keys).await else {
            return;
        };
        for request in [
            bench.request(Method::POST),
            bench.request(Method::POST).bearer_auth(""),
        ] {
            let (status, answer) = answer(request.body(body.clone())).await;
            assert_eq!(status, 500, "{answer}");
            assert_eq!(answer["error"]["code"], "misconfigured");
        }
        let logged = std::fs::read_to_string(&bench.log).unwrap();
        assert!(!logged.contains("sb_secret"), "{logged}");
    }
}

#[tokio::test]
async fn deno_finds_nothing_to_complain_of() {
    let deno = match Deno::installed().await {
        Ok(deno) => deno,
        Err(reason) => return crate::skipped(&reason),
    };
    let shim = crate::workspace().join("devstack/src/edge");
    for (folder, arguments) in [
        (source(), &["check", "index.ts"][..]),
        (source(), &["lint"]),
        (source(), &["fmt", "--check"]),
        (shim.clone(), &["check", "shim.ts"]),
        (shim.clone(), &["lint", "shim.ts"]),
        (shim, &["fmt", "--line-width=100", "--check", "shim.ts"]),
    ] {
        let output = deno
            .command()
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "deno {arguments:?}: {said}");
    }
}
