//! A delivery to a job's endpoint: signed as QStash signs it, or wrongly.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::deployment::Deployment;
use crate::reply::Reply;

/// A delivery and the claims that vouch for it; both can be changed before it is sent.
pub struct Signed<'a> {
    deployment: &'a Deployment,
    path: String,
    body: Vec<u8>,
    key: String,
    claims: Value,
}

impl<'a> Signed<'a> {
    /// A good delivery of `body` to `/api/jobs/<job>`.
    pub fn new(deployment: &'a Deployment, job: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("a clock")
            .as_secs();
        let path = format!("/api/jobs/{job}");
        Self {
            claims: json!({
                "iss": "Upstash",
                "sub": format!("{}{path}", deployment.stack.url),
                "exp": now + 300,
                "nbf": now,
                "iat": now,
                "jti": "jwt_of_a_test",
                "body": URL_SAFE_NO_PAD.encode(Sha256::digest(&body)),
            }),
            key: deployment.stack.qstash.signing_keys().current,
            deployment,
            path,
            body,
        }
    }

    /// The same with another claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// The same with another key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = key.to_owned();
        self
    }

    /// The same with another body than the one that was signed.
    #[must_use]
    pub fn altered(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Delivers it.
    pub async fn send(self) -> Reply {
        let key = EncodingKey::from_secret(self.key.as_bytes());
        let signature = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &self.claims, &key);
        let client = self.deployment.as_nobody();
        let client = client.with("upstash-signature", signature.expect("a signature"));
        client.post_bytes(&self.path, self.body).await
    }
}
