//! One user's requests, each answer of which is searched for what is another's.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fastrand::Rng;
use jsonwebtoken::Algorithm;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::stack::{Error, tokens};

/// How often something that the service could not do in time is asked for again.
const PATIENCE: u32 = 30;

/// What is wrong, for a person.
#[derive(Debug, Clone)]
pub(super) enum Finding {
    /// Something of another user was in an answer.
    Crossing(String),
    /// An answer is not what the user's own memory comes to.
    Wrong(String),
    /// The run itself failed.
    Broken(String),
}

impl From<Error> for Finding {
    fn from(error: Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// A deployment's way in.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) url: String,
    /// Signs deliveries as QStash does.
    pub(super) signing_key: String,
}

/// Who asks, and what may not be answered.
pub(super) struct Caller {
    pub(super) user: Uuid,
    pub(super) other: Uuid,
    /// What only stands in the other user's answers.
    pub(super) foreign: Vec<String>,
    pub(super) doors: Arc<Vec<Door>>,
    pub(super) http: reqwest::Client,
    pub(super) jwt_secret: String,
    /// How often each way of asking was taken.
    pub(super) ways: BTreeMap<&'static str, u64>,
}

/// An answer that holds nothing of another user.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) json: Value,
    /// It took more than one request, so an earlier one may have had its effect.
    pub(super) repeated: bool,
}

impl Answer {
    /// This status, or a finding.
    pub(super) fn is(&self, statuses: &[u16]) -> Result<(), Finding> {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        Err(self.wrong(&format!("not one of {statuses:?}")))
    }

    pub(super) fn wrong(&self, why: &str) -> Finding {
        let text: String = self.text.chars().take(600).collect();
        Finding::Wrong(format!("{why}: {} {text}", self.status))
    }

    /// One member of each object in an array.
    pub(super) fn each<'a>(
        &'a self,
        array: &str,
        member: &'a str,
    ) -> impl Iterator<Item = &'a Value> {
        let items = self.json[array].as_array().into_iter().flatten();
        items.map(move |item| &item[member])
    }
}

impl Caller {
    /// Asks as the user: by their own token, with another's id in the server's header, or by the server.
    pub(super) async fn ask(
        &mut self,
        random: &mut Rng,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Answer, Finding> {
        let way = random.u8(0..10);
        let (name, token, header) = match way {
            0 => {
                let token = tokens::mint(&self.jwt_secret, None, tokens::SERVICE, tokens::HOUR)?;
                ("the server, for the user", token, Some(self.user))
            }
            _ => {
                let user = Some(self.user);
                let token = tokens::mint(&self.jwt_secret, user, tokens::USER, tokens::HOUR)?;
                if way == 1 {
                    (
                        "the user, with another's id in x-memory-user",
                        token,
                        Some(self.other),
                    )
                } else {
                    ("the user", token, None)
                }
            }
        };
        *self.ways.entry(name).or_default() += 1;
        let door = random.usize(0..self.doors.len());
        let url = format!("{}{path}", self.doors[door].url);
        let request = || {
            let mut request = self.http.request(method.clone(), &url).bearer_auth(&token);
            if let Some(header) = header {
                request = request.header("x-memory-user", header.to_string());
            }
            match &body {
                Some(body) => request
                    .header("content-type", "application/json")
                    .body(body.to_string()),
                None => request,
            }
        };
        self.answered(request).await
    }

    /// Delivers a job as QStash would.
    pub(super) async fn deliver(
        &self,
        random: &mut Rng,
        job: &str,
        body: &Value,
    ) -> Result<Answer, Finding> {
        let door = &self.doors[random.usize(0..self.doors.len())];
        let url = format!("{}/api/jobs/{job}", door.url);
        let body = body.to_string();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let claims = json!({
            "iss": "Upstash", "sub": url, "exp": now + 300, "nbf": now, "iat": now, "jti": "jwt_of_a_run",
            "body": URL_SAFE_NO_PAD.encode(Sha256::digest(&body)),
        });
        let signature = tokens::sign(&door.signing_key, &claims, Algorithm::HS256)?;
        let request = || {
            let request = self.http.post(&url).header("upstash-signature", &signature);
            request
                .header("content-type", "application/json")
                .body(body.clone())
        };
        self.checked(request(), false).await
    }

    /// Without a token or a signature.
    pub(super) async fn ask_as_nobody(
        &self,
        random: &mut Rng,
        method: Method,
        path: &str,
    ) -> Result<Answer, Finding> {
        let door = &self.doors[random.usize(0..self.doors.len())];
        let request = || {
            let request = self
                .http
                .request(method.clone(), format!("{}{path}", door.url));
            let request = request.header("x-memory-user", self.other.to_string());
            request
                .header("content-type", "application/json")
                .body("{}")
        };
        self.answered(request).await
    }

    /// Sends it until the service has the time for it.
    async fn answered(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Finding> {
        let mut repeated = false;
        for _ in 0..PATIENCE {
            let answer = self.checked(request(), repeated).await?;
            if answer.status != 503 {
                return Ok(answer);
            }
            repeated = true;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(Finding::Broken("the service is never in time".to_owned()))
    }

    async fn checked(&self, request: RequestBuilder, repeated: bool) -> Result<Answer, Finding> {
        let broken = |error: reqwest::Error| Finding::Broken(error.to_string());
        let response = request.send().await.map_err(broken)?;
        let status = response.status().as_u16();
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.map_err(broken)?;
        let found = |foreign: &&String| text.contains(*foreign) || headers.contains(*foreign);
        if let Some(foreign) = self.foreign.iter().find(found) {
            let text: String = text.chars().take(2000).collect();
            return Err(Finding::Crossing(format!("{foreign} in {status} {text}")));
        }
        Ok(Answer {
            status,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
            repeated,
        })
    }
}
