//! `Upstash-Signature`: a JWT that vouches for one delivery to one destination.
//!
//! HS256 with the current signing key, five minutes of life; `body` is the padded base64url SHA-256 of the raw
//! body. Source: the claims listed under QStash's security documentation.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a receiver may accept a signature, in seconds.
const LIFETIME: i64 = 300;

/// The two keys of a project: deliveries are signed with the current one, the next one takes over at a rotation.
#[derive(Clone, Debug, Serialize)]
pub struct SigningKeys {
    /// The key that signs now.
    pub current: String,
    /// The key that will sign after a rotation; receivers already accept it.
    pub next: String,
}

impl SigningKeys {
    /// Two fresh random keys.
    pub fn random() -> Self {
        Self {
            current: key(),
            next: key(),
        }
    }

    /// Retires the current key and draws a new next one.
    pub(super) fn rotate(&mut self) {
        self.current = std::mem::replace(&mut self.next, key());
    }
}

fn key() -> String {
    format!("sig_{}", Uuid::new_v4().simple())
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'static str,
    sub: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    body: String,
}

/// Signs one delivery of `body` to `destination`.
pub(super) fn sign(key: &str, destination: &str, body: &[u8]) -> Result<String, String> {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claims = Claims {
        iss: "Upstash",
        sub: destination,
        exp: now + LIFETIME,
        nbf: now,
        iat: now,
        jti: format!("jwt_{}", Uuid::new_v4().simple()),
        body: URL_SAFE.encode(Sha256::digest(body)),
    };
    let key = EncodingKey::from_secret(key.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| format!("signing failed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{DecodingKey, Validation};
    use serde_json::Value;

    #[test]
    fn the_token_carries_the_documented_claims() {
        let token = sign("secret", "https://example.com/jobs", b"hello").expect("token");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&["Upstash"]);
        let key = DecodingKey::from_secret(b"secret");
        let claims = jsonwebtoken::decode::<Value>(&token, &key, &validation)
            .expect("valid")
            .claims;
        assert_eq!(claims["sub"], "https://example.com/jobs");
        assert_eq!(
            claims["exp"].as_i64(),
            claims["iat"].as_i64().map(|iat| iat + LIFETIME)
        );
        assert_eq!(claims["nbf"], claims["iat"]);
        assert_eq!(
            claims["body"],
            "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
        );
    }

    #[test]
    fn a_rotation_promotes_the_next_key() {
        let mut keys = SigningKeys::random();
        let next = keys.next.clone();
        keys.rotate();
        assert_eq!(keys.current, next);
        assert_ne!(keys.next, next);
    }
}
