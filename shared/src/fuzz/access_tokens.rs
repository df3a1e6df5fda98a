//! Access tokens: anybody's, and such as our own issuer would never write but has signed.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::{line, signed};
use crate::auth::caller::USER_HEADER;
use crate::auth::{Caller, Unverified, Verifier};
use crate::config::{Secret, Tokens};

const SECRET: &str = "a secret that only fuzzing knows";

/// PKCS #8 (RFC 5958) around 32 bytes that are a private key of Ed25519 (RFC 8410).
const PRIVATE: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20\
    a private key of thirty-two byte";

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let public = jsonwebtoken::jwk::Jwk::from_encoding_key(&private(), Algorithm::EdDSA);
    let mut public = public.map_or(Value::Null, |jwk| json!(jwk));
    public["kid"] = json!("a");
    let rules = Tokens {
        secret: Some(Secret::new(SECRET)),
        jwks_url: None,
        audience: "authenticated".to_owned(),
        issuer: None,
    };
    Verifier::publishing(rules, json!({ "keys": [public] }).to_string())
});

fn private() -> EncodingKey {
    EncodingKey::from_ed_der(PRIVATE)
}

/// `token`, and `x-memory-user`; or with `+` (shared secret) or `*` (private key) before them, `head` and `claims` that
/// are signed for good, and `x-memory-user`. One to a line.
pub fn access_tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (key, algorithm) = match text.chars().next() {
        Some('+') => (
            EncodingKey::from_secret(SECRET.as_bytes()),
            Algorithm::HS256,
        ),
        Some('*') => (private(), Algorithm::EdDSA),
        _ => {
            let (token, user) = line(&text);
            assert_eq!(ask(token, user), None, "nobody signed it");
            return;
        }
    };
    let (head, text) = line(&text[1..]);
    let (claims, user) = line(text);
    let token = signed(head, claims, &key, algorithm);
    let caller = ask(&token, user);
    let claims: Value = serde_json::from_str(claims).unwrap_or_default();
    let says = |role: &str| assert_eq!(claims["role"], role);
    match caller {
        None => {}
        Some(Caller::User(user)) => {
            says("authenticated");
            let sub = claims["sub"].as_str().unwrap_or_default().to_lowercase();
            assert_eq!(sub, user.0.to_string());
        }
        Some(Caller::Service(named)) => {
            says("service_role");
            let named = named.map(|user| user.0.to_string()).unwrap_or_default();
            assert_eq!(user.trim().to_lowercase(), named);
        }
    }
    if caller.is_some() {
        let head: Value = serde_json::from_str(head).unwrap_or_default();
        assert_eq!(head["alg"], json!(algorithm), "the key decides");
    }
}

/// Whom a token lets in.
fn ask(token: &str, user: &str) -> Option<Caller> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, value(&format!("Bearer {token}"))?);
    if !user.is_empty() {
        headers.insert(USER_HEADER, value(user)?);
    }
    let asked = VERIFIER.caller(&headers).now_or_never();
    let unavailable = matches!(asked, None | Some(Err(Unverified::Unavailable(_))));
    assert!(!unavailable, "the keys are at hand");
    asked.and_then(Result::ok)
}

fn value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}
