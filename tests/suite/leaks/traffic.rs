//! Everything that can be sent, with a canary in it: good and bad, while all goes well and while all fails.

use std::cell::RefCell;

use black_box::{Deployment, sign};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use uuid::Uuid;

use super::canaries::Canaries;
use super::samples::{Document, Operation, spoilt};

/// Headers that clients, browsers and hosts send.
const HEADERS: [&str; 14] = [
    "baggage",
    "cookie",
    "idempotency-key",
    "origin",
    "referer",
    "traceparent",
    "tracestate",
    "upstash-message-id",
    "upstash-signature",
    "user-agent",
    "x-api-key",
    "x-forwarded-for",
    "x-memory-user",
    "x-request-id",
];

/// One user who sends it, and what came back.
pub(super) struct Traffic<'a> {
    pub(super) deployment: &'a Deployment,
    http: reqwest::Client,
    pub(super) canaries: Canaries,
    pub(super) user: Uuid,
    /// The user's token; as Supabase's, it says more of the user than we read.
    pub(super) token: String,
    document: Document,
    /// What was answered, but for the bodies of successes: those are the user's own.
    answers: RefCell<Vec<String>>,
}

impl<'a> Traffic<'a> {
    pub(super) fn new(deployment: &'a Deployment) -> Self {
        let (canaries, user) = (Canaries::new(), Uuid::new_v4());
        let [email, card, key, phone] = canaries.each("the token's claims");
        let claims = json!({
            "sub": user, "role": "authenticated", "aud": "authenticated", "exp": 4_000_000_000_u64,
            "email": email, "phone": phone, "user_metadata": { "card": card, "key": key },
            "session_id": canaries.of("the token's session"),
        });
        Self {
            deployment,
            http: reqwest::Client::new(),
            canaries,
            user,
            token: sign(&claims, Algorithm::HS256),
            document: Document::read(),
            answers: RefCell::default(),
        }
    }

    /// Every operation with good bodies, all headers, and everything in its query.
    pub(super) async fn good(&self) {
        for operation in self.operations() {
            for body in self.document.good(&operation, &self.canaries) {
                let path = self.path(&operation);
                self.send(&operation.method, &path, &[], Some(&body)).await;
            }
            let body = self
                .document
                .good(&operation, &self.canaries)
                .into_iter()
                .next();
            for kind in 0..5 {
                let headers = HEADERS.map(|name| (name, self.header(name, kind)));
                let path = self.path(&operation);
                self.send(&operation.method, &path, &headers, body.as_ref())
                    .await;
            }
        }
    }

    /// A header's canary: one of its kinds by itself, or the whole text.
    fn header(&self, name: &str, kind: usize) -> String {
        let field = format!("the header {name}");
        let each = self.canaries.each(&field);
        let one = each.get(kind).cloned();
        one.unwrap_or_else(|| self.canaries.of(&field))
    }

    /// What is refused: fields of another kind, broken JSON, long bodies, bad addresses, tokens and deliveries.
    pub(super) async fn bad(&self) {
        for operation in self.operations() {
            let (method, path) = (&operation.method, self.path(&operation));
            let field = format!("{method} {}", operation.path);
            for body in self
                .document
                .good(&operation, &self.canaries)
                .iter()
                .take(1)
            {
                for body in spoilt(body, &self.canaries, &field) {
                    self.send(method, &path, &[], Some(&body)).await;
                }
                let text = self.canaries.of(&format!("{field}, broken JSON"));
                let long = format!("{text} ").repeat(8000);
                for broken in [
                    format!("{{\"{text}\": {text}"),
                    format!("[\"{text}\", \"\\ud800\"]"),
                    format!("\"{text}\" {text}"),
                    format!("{{\"sessionId\": \"{text}\\u0000\", \"{text}\\u0000\": 1}}"),
                    format!("{{\"query\": \"{long}\"}}"),
                ] {
                    self.send_bytes(method, &path, &[], Some(broken.into_bytes()))
                        .await;
                }
                let kind = [("content-type", self.canaries.of("the header content-type"))];
                self.send(method, &path, &kind, Some(body)).await;
            }
            for name in operation
                .query
                .iter()
                .map(String::as_str)
                .chain(["unknown"])
            {
                let text = self.canaries.of(&format!("{field}?{name}"));
                let path = format!("{path}?{name}={}", encoded(&text));
                self.send(method, &path, &[], None).await;
            }
            if operation.path.contains('{') {
                let text = self.canaries.of(&format!("the path of {field}"));
                let (start, _) = operation.path.split_once('{').unwrap();
                for segment in [
                    encoded(&text),
                    format!("%FF{}", encoded(&text)),
                    encoded(&text.repeat(3)),
                ] {
                    let path = format!("{start}{segment}");
                    self.send(method, &path, &[], None).await;
                }
            }
            for token in self.tokens() {
                let header = [("authorization", token)];
                self.send(method, &path, &header, None).await;
            }
            self.send("PATCH", &path, &[], Some(&json!(self.canaries.of("PATCH"))))
                .await;
        }
    }

    /// Turns under other ids and in another session, and a question about them.
    pub(super) async fn turns(&self, why: &str) {
        let mut body = self.body_of("POST", "/api/turns");
        let said = self.canaries.of(&format!("what was said {why}"));
        body["sessionId"] = json!(self.canaries.of(&format!("the session {why}")));
        for (place, turn) in body["turns"].as_array_mut().unwrap().iter_mut().enumerate() {
            turn["id"] = json!(format!("{place} {said}"));
        }
        self.send("POST", "/api/turns", &[], Some(&body)).await;
        self.question(why).await;
    }

    /// A question.
    pub(super) async fn question(&self, why: &str) {
        let mut body = self.body_of("POST", "/api/context");
        body["query"] = json!(self.canaries.of(&format!("the question {why}")));
        // Twice, since an answer is kept at the second time.
        for _ in 0..2 {
            self.send("POST", "/api/context", &[], Some(&body)).await;
        }
    }

    /// What came back so far.
    pub(super) fn answers(&self) -> Vec<String> {
        self.answers.borrow().clone()
    }

    /// Whatever was sent, it was no bug of ours.
    pub(super) fn nothing_broke(&self) {
        let answers = self.answers.borrow();
        let broke = answers.iter().find(|answer| answer.starts_with("500 "));
        assert_eq!(broke, None);
        let served = answers.iter().filter(|answer| answer.starts_with('2'));
        assert!(served.count() > 50, "{answers:?}");
    }

    /// Erases all of the user.
    pub(super) async fn erase(&self) {
        let session = format!("/api/sessions/{}", encoded(&self.canaries.of("sessionId")));
        for path in [session.as_str(), "/api/memory"] {
            assert_eq!(self.send("DELETE", path, &[], None).await, 202, "{path}");
        }
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<&Value>,
    ) -> u16 {
        let body = body.map(|body| body.to_string().into_bytes());
        self.send_bytes(method, path, headers, body).await
    }

    async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<Vec<u8>>,
    ) -> u16 {
        let url = format!("{}{path}", self.deployment.stack.url);
        let mut request = self.http.request(method.parse().unwrap(), url);
        let given = |name: &str| headers.iter().any(|(given, _)| *given == name);
        if !given("authorization") {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            if !given("content-type") {
                request = request.header("content-type", "application/json");
            }
            request = request.body(body);
        }
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (
            response.status().as_u16(),
            format!("{:?}", response.headers()),
        );
        let body = response.bytes().await.unwrap();
        self.note(status, &headers, &body);
        status
    }

    pub(super) fn note(&self, status: u16, headers: &str, body: &[u8]) {
        let body = if status < 400 { &[] } else { body };
        let answer = format!("{status} {headers}\n{}", String::from_utf8_lossy(body));
        self.answers.borrow_mut().push(answer);
    }

    /// The turns first, so that there is something to find; and none that erase, which come last.
    fn operations(&self) -> Vec<Operation> {
        let mut all = self.document.operations();
        all.retain(|operation| operation.method != "DELETE");
        all.sort_by_key(|operation| operation.path != "/api/turns");
        all
    }

    fn body_of(&self, method: &str, path: &str) -> Value {
        let mut operations = self.document.operations().into_iter();
        let operation = operations.find(|it| it.method == method && it.path == path);
        self.document
            .good(&operation.unwrap(), &self.canaries)
            .remove(0)
    }

    /// The path with the session of all requests, and a job.
    fn path(&self, operation: &Operation) -> String {
        let session = encoded(&self.canaries.of("sessionId"));
        operation
            .path
            .replace("{id}", &session)
            .replace("{job}", "embed")
    }
}

/// A segment or a value of a URL.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
