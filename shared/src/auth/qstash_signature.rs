//! QStash's signature of a delivery: a JWT (HS256) in `upstash-signature` whose `sub` is the
//! address that was called and whose `body` is the hash of the raw body.
//!
//! Source: Upstash, "Verify QStash signatures". The hash is SHA-256 in base64url, with or without
//! padding. The current key is tried first, then the next one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::AuthError;
use crate::config::Secret;

/// Seconds by which our clock and QStash's may differ.
const CLOCK_TOLERANCE: u64 = 10;

#[derive(Deserialize)]
struct Claims {
    sub: String,
    body: String,
}

/// Checks that QStash sent exactly this body to exactly this address (our public base URL and the
/// path: behind a proxy the request's own URL is another).
pub fn verify(
    keys: &[Secret],
    headers: &HeaderMap,
    address: &str,
    body: &[u8],
) -> Result<(), AuthError> {
    let token = headers
        .get("upstash-signature")
        .and_then(|value| value.to_str().ok())
        .ok_or(AuthError::BadSignature)?;
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "sub"]);
    rules.set_issuer(&["Upstash"]);
    rules.validate_nbf = true;
    rules.validate_aud = false;
    rules.leeway = CLOCK_TOLERANCE;

    let claims = keys
        .iter()
        .find_map(|key| {
            let key = DecodingKey::from_secret(key.expose().as_bytes());
            jsonwebtoken::decode::<Claims>(token, &key, &rules).ok()
        })
        .ok_or(AuthError::BadSignature)?
        .claims;
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
    if claims.sub == address && claims.body.trim_end_matches('=') == hash {
        Ok(())
    } else {
        Err(AuthError::BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const ADDRESS: &str = "https://memory.example.com/api/jobs/embed";

    fn sign(change: (&str, Value), key: &str) -> HeaderMap {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let mut claims = json!({
            "iss": "Upstash", "sub": ADDRESS, "exp": now + 60, "nbf": now, "iat": now, "jti": "1",
            "body": format!("{}=", URL_SAFE_NO_PAD.encode(Sha256::digest(b"{}"))),
        });
        claims[change.0] = change.1;
        let key = EncodingKey::from_secret(key.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("upstash-signature", token.parse().unwrap());
        headers
    }

    fn check(headers: &HeaderMap, body: &[u8]) -> Result<(), AuthError> {
        let keys = [Secret::new("current"), Secret::new("next")];
        verify(&keys, headers, ADDRESS, body)
    }

    #[test]
    fn both_keys_are_good() {
        for key in ["current", "next"] {
            assert_eq!(check(&sign(("jti", json!("2")), key), b"{}"), Ok(()));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let good = sign(("jti", json!("2")), "current");
        assert_eq!(check(&good, b"{ }"), Err(AuthError::BadSignature));
        assert_eq!(
            check(&HeaderMap::new(), b"{}"),
            Err(AuthError::BadSignature)
        );
        assert_eq!(
            check(&sign(("jti", json!("2")), "old"), b"{}"),
            Err(AuthError::BadSignature)
        );
        for change in [
            ("exp", json!(1)),
            ("nbf", json!(99_999_999_999_u64)),
            ("iss", json!("else")),
            ("sub", json!("https://memory.example.com/api/jobs/sweep")),
        ] {
            assert_eq!(
                check(&sign(change, "current"), b"{}"),
                Err(AuthError::BadSignature)
            );
        }
    }
}
