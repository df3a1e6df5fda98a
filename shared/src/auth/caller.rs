//! Supabase access tokens: JWTs signed with the project's shared secret (HS256).
//!
//! The algorithm is decided by the key, never by the token. Asymmetric keys (JWKS) get their place
//! beside the shared secret in [`Verifier`].

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use uuid::Uuid;

use super::AuthError;
use crate::config::Tokens;
use crate::domain::ids::UserId;

/// The header by which a server names the user it acts for.
pub const USER_HEADER: &str = "x-memory-user";

/// Seconds by which our clock and the issuer's may differ.
const CLOCK_TOLERANCE: u64 = 10;

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A signed-in user.
    User(UserId),
    /// The team's own server; the user it named, if any.
    Service(Option<UserId>),
}

impl Caller {
    /// The tenant of the request.
    pub fn user(self) -> Result<UserId, AuthError> {
        match self {
            Self::User(user) | Self::Service(Some(user)) => Ok(user),
            Self::Service(None) => Err(AuthError::NoUser),
        }
    }
}

/// Checks access tokens.
pub struct Verifier {
    key: DecodingKey,
    user: Validation,
    service: Validation,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

/// The claims that we read.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    role: String,
    #[serde(default)]
    is_anonymous: bool,
}

impl Verifier {
    /// A verifier for the configured issuer.
    pub fn new(tokens: &Tokens) -> Self {
        let mut user = Validation::new(Algorithm::HS256);
        user.leeway = CLOCK_TOLERANCE;
        user.validate_nbf = true;
        if let Some(issuer) = &tokens.issuer {
            user.set_issuer(&[issuer]);
        }
        let mut service = user.clone();
        user.set_audience(&[&tokens.audience]);
        user.set_required_spec_claims(&["exp", "sub", "aud"]);
        // Supabase's service key has neither `aud` nor `sub`, and a project's own `iss`.
        service.validate_aud = false;
        service.iss = None;
        Self {
            key: DecodingKey::from_secret(tokens.secret.expose().as_bytes()),
            user,
            service,
        }
    }

    /// Who sent these headers.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let token = bearer(headers)?;
        // The signature is checked with the laxer rules first: the role decides which rules hold.
        let claims = self.decode(token, &self.service)?;
        match claims.role.as_str() {
            "service_role" => Ok(Caller::Service(named_user(headers)?)),
            "authenticated" => {
                let claims = self.decode(token, &self.user)?;
                if claims.is_anonymous {
                    return Err(AuthError::Anonymous);
                }
                let sub = claims.sub.ok_or(AuthError::WrongClaims)?;
                let user = Uuid::try_parse(&sub).map_err(|_| AuthError::WrongClaims)?;
                Ok(Caller::User(UserId(user)))
            }
            "anon" => Err(AuthError::Anonymous),
            _ => Err(AuthError::WrongClaims),
        }
    }

    fn decode(&self, token: &str, rules: &Validation) -> Result<Claims, AuthError> {
        jsonwebtoken::decode::<Claims>(token, &self.key, rules)
            .map(|data| data.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => AuthError::Expired,
                ErrorKind::InvalidIssuer
                | ErrorKind::InvalidAudience
                | ErrorKind::InvalidSubject
                | ErrorKind::ImmatureSignature
                | ErrorKind::MissingRequiredClaim(_) => AuthError::WrongClaims,
                _ => AuthError::BadToken,
            })
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(AuthError::Missing);
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(AuthError::Missing)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim())
    } else {
        Err(AuthError::Missing)
    }
}

fn named_user(headers: &HeaderMap) -> Result<Option<UserId>, AuthError> {
    headers
        .get(USER_HEADER)
        .map(|value| {
            let text = value.to_str().map_err(|_| AuthError::NoUser)?;
            Uuid::try_parse(text.trim())
                .map(UserId)
                .map_err(|_| AuthError::NoUser)
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::config::Secret;

    const SECRET: &str = "a secret that only the tests know";
    const USER: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

    fn now() -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs()
    }

    fn claims(change: Value) -> Value {
        let mut claims = json!({
            "sub": USER, "role": "authenticated", "aud": "authenticated", "exp": now() + 60,
        });
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(name);
            } else {
                claims[name] = value.clone();
            }
        }
        claims
    }

    fn sign(claims: &Value, secret: &str, algorithm: Algorithm) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn ask(token: &str, user: Option<&str>) -> Result<Caller, AuthError> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
        if let Some(user) = user {
            headers.insert(USER_HEADER, user.parse().unwrap());
        }
        Verifier::new(&Tokens {
            secret: Secret::new(SECRET),
            audience: "authenticated".to_owned(),
            issuer: None,
        })
        .caller(&headers)
    }

    fn user() -> UserId {
        UserId(Uuid::try_parse(USER).unwrap())
    }

    #[test]
    fn a_users_token_names_the_user() {
        let token = sign(&claims(json!({})), SECRET, Algorithm::HS256);
        assert_eq!(ask(&token, None), Ok(Caller::User(user())));
        let other = "ffffffff-2345-7abc-8def-0123456789ab";
        assert_eq!(ask(&token, Some(other)), Ok(Caller::User(user())));
    }

    #[test]
    fn the_service_acts_for_the_user_it_names() {
        let service = claims(json!({"role": "service_role", "sub": null, "aud": null}));
        let token = sign(&service, SECRET, Algorithm::HS256);
        assert_eq!(ask(&token, Some(USER)), Ok(Caller::Service(Some(user()))));
        assert_eq!(ask(&token, None).unwrap().user(), Err(AuthError::NoUser));
        assert_eq!(ask(&token, Some("nobody")), Err(AuthError::NoUser));
    }

    #[test]
    fn wrong_tokens_are_refused() {
        let good = claims(json!({}));
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        let body = sign(&good, SECRET, Algorithm::HS256)
            .split('.')
            .nth(1)
            .unwrap()
            .to_owned();
        for (token, why) in [
            (
                sign(&good, "another secret", Algorithm::HS256),
                AuthError::BadToken,
            ),
            (sign(&good, SECRET, Algorithm::HS512), AuthError::BadToken),
            (format!("{none}.{body}."), AuthError::BadToken),
            ("not.a.token".to_owned(), AuthError::BadToken),
        ] {
            assert_eq!(ask(&token, None), Err(why), "{token}");
        }
        for (change, why) in [
            (json!({"exp": now() - 60}), AuthError::Expired),
            (json!({"exp": null}), AuthError::WrongClaims),
            (json!({"nbf": now() + 600}), AuthError::WrongClaims),
            (json!({"aud": "else"}), AuthError::WrongClaims),
            (json!({"aud": null}), AuthError::WrongClaims),
            (json!({"sub": null}), AuthError::WrongClaims),
            (json!({"sub": "me"}), AuthError::WrongClaims),
            (json!({"role": "postgres"}), AuthError::WrongClaims),
            (json!({"role": "anon"}), AuthError::Anonymous),
            (json!({"is_anonymous": true}), AuthError::Anonymous),
        ] {
            let token = sign(&claims(change.clone()), SECRET, Algorithm::HS256);
            assert_eq!(ask(&token, None), Err(why), "{change}");
        }
    }
}
