//! HTTP cases: written once, sent to both hosts, and answered alike.

use devstack::functions::Host;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Client, Payload};
use crate::deployment::{Deployment, run};
use crate::reply::Reply;

/// One request and what it comes to. Cases of one list run in order, as one user whom no other list
/// knows, so that an earlier one may prepare a later one.
pub struct Case {
    name: String,
    method: Method,
    path: String,
    body: Option<Payload>,
    headers: Vec<(String, String)>,
    with_token: bool,
    status: u16,
    code: Option<&'static str>,
    pointers: Option<Vec<&'static str>>,
    allow: Option<&'static str>,
}

impl Case {
    /// A request without a body, as the user of the list; 200 is expected.
    pub fn new(name: &str, method: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            body: None,
            headers: Vec::new(),
            with_token: true,
            status: 200,
            code: None,
            pointers: None,
            allow: None,
        }
    }

    /// `POST` with a JSON body.
    pub fn post(name: &str, path: &str, body: Value) -> Self {
        Self::new(name, "POST", path).bytes(body.to_string())
    }

    /// `GET`.
    pub fn get(name: &str, path: &str) -> Self {
        Self::new(name, "GET", path)
    }

    /// With these bytes for JSON.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.typed(Some("application/json"), bytes)
    }

    /// With these bytes and a content type, or none.
    #[must_use]
    pub fn typed(mut self, kind: Option<&str>, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Some((kind.map(str::to_owned), bytes.into()));
        self
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Without the user's token.
    #[must_use]
    pub fn without_token(mut self) -> Self {
        self.with_token = false;
        self
    }

    /// With another token than the user's.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.without_token()
            .header("authorization", format!("Bearer {token}"))
    }

    /// Expects another success.
    #[must_use]
    pub fn comes_to(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Expects a problem.
    #[must_use]
    pub fn is_refused(mut self, status: u16, code: &'static str) -> Self {
        self.status = status;
        self.code = Some(code);
        self
    }

    /// Expects a 422 that names exactly these places.
    #[must_use]
    pub fn is_invalid_at(self, pointers: &[&'static str]) -> Self {
        self.is_refused(422, "invalid_request").naming(pointers)
    }

    /// Expects the problem to name exactly these places.
    #[must_use]
    pub fn naming(mut self, pointers: &[&'static str]) -> Self {
        let mut pointers = pointers.to_vec();
        pointers.sort_unstable();
        self.pointers = Some(pointers);
        self
    }

    /// Expects a 405 with this `allow`.
    #[must_use]
    pub fn allows_only(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self.is_refused(405, "method_not_allowed")
    }

    async fn send(&self, deployment: &Deployment, user: Uuid) -> Reply {
        let mut client = if self.with_token {
            deployment.as_user(user)
        } else {
            Client::new(deployment)
        };
        for (name, value) in &self.headers {
            client = client.with(name, value);
        }
        client
            .send(self.method.clone(), &self.path, self.body.clone())
            .await
    }

    fn assert(&self, reply: &Reply, host: Host) {
        let name = &self.name;
        eprintln!("{name}, on {host}");
        match self.code {
            Some(code) => reply.is_problem(self.status, code),
            None => reply.is(self.status),
        }
        if let Some(pointers) = &self.pointers {
            assert_eq!(&reply.pointers(), pointers, "{name}");
        }
        if let Some(methods) = self.allow {
            assert_eq!(reply.header("allow"), methods, "{name}");
        }
    }
}

/// Sends the cases to both hosts, asserts what each expects, and that both hosts answer alike.
pub fn hold(cases: impl IntoIterator<Item = Case>) {
    let user = Uuid::new_v4();
    run(async {
        let (vercel, lambda) = tokio::join!(
            Deployment::shared(Host::Vercel),
            Deployment::shared(Host::Lambda)
        );
        for case in cases {
            let (one, other) = tokio::join!(case.send(vercel, user), case.send(lambda, user));
            case.assert(&one, Host::Vercel);
            case.assert(&other, Host::Lambda);
            let name = &case.name;
            assert_eq!(
                one.comparable(),
                other.comparable(),
                "{name}: bodies differ"
            );
            for header in COMPARED {
                assert_eq!(
                    one.header(header),
                    other.header(header),
                    "{name}: {header} differs"
                );
            }
        }
    });
}

/// The headers that mean something to a caller.
const COMPARED: [&str; 7] = [
    "allow",
    "cache-control",
    "content-type",
    "retry-after",
    "upstash-nonretryable-error",
    "www-authenticate",
    "x-content-type-options",
];
