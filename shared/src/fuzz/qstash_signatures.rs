//! QStash's signatures.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{line, signed};
use crate::auth::AuthError;
use crate::auth::qstash_signature::verify;
use crate::config::Secret;

const ADDRESS: &str = "https://memory.example/api/jobs/embed";

/// `token`, `body`; or with `+` before them, `head` and `claims` that are signed for good, and `body`. One to a line, and
/// the body is the rest.
pub fn qstash_signatures(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Some(text) = text.strip_prefix('+') else {
        let (token, body) = line(&text);
        assert_eq!(check(token, body), Err(AuthError::BadSignature));
        return;
    };
    let (head, text) = line(text);
    let (claims, body) = line(text);
    let key = EncodingKey::from_secret(b"next");
    let token = signed(head, claims, &key, Algorithm::HS256);
    if check(&token, body).is_ok() {
        let claims: Value = serde_json::from_str(claims).unwrap_or_default();
        assert_eq!(claims["sub"], ADDRESS);
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
        let said = claims["body"].as_str().unwrap_or_default();
        assert_eq!(said.trim_end_matches('='), hash);
    }
}

fn check(token: &str, body: &str) -> Result<(), AuthError> {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(token.as_bytes()) {
        headers.insert("upstash-signature", value);
    }
    let keys = [Secret::new("current"), Secret::new("next")];
    verify(&keys, &headers, ADDRESS, body.as_bytes())
}
