//! What a token must say, once its signature is known to be good.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use uuid::Uuid;

use super::AuthError;
use crate::config::Tokens;
use crate::domain::ids::UserId;

/// Seconds by which our clock and the issuer's may differ.
const CLOCK_TOLERANCE: u64 = 10;

/// The claims that we read. A member that stands twice, or is of another type, is no claim.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    sub: Option<String>,
    role: String,
    #[serde(default)]
    aud: Option<Audience>,
    #[serde(default)]
    iss: Option<String>,
    #[serde(default)]
    is_anonymous: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Whom a token makes its bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bearer {
    User(UserId),
    Service,
}

/// Checks the signature and the times. The algorithm is the key's; a token that names another is refused.
pub(super) fn read(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<Claims, AuthError> {
    let mut rules = Validation::new(algorithm);
    rules.leeway = CLOCK_TOLERANCE;
    rules.validate_nbf = true;
    // Who it is for depends on the role: see `Claims::bearer`.
    rules.validate_aud = false;
    jsonwebtoken::decode::<Claims>(token, key, &rules)
        .map(|data| data.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => AuthError::Expired,
            ErrorKind::ImmatureSignature
            | ErrorKind::InvalidClaimFormat(_)
            | ErrorKind::MissingRequiredClaim(_) => AuthError::WrongClaims,
            _ => AuthError::BadToken,
        })
}

impl Claims {
    /// Whose token it is, by the configured audience and issuer.
    ///
    /// The service role's has neither `sub` nor `aud`, and `supabase` for `iss`, so nothing more is asked of it.
    pub(super) fn bearer(&self, rules: &Tokens) -> Result<Bearer, AuthError> {
        match self.role.as_str() {
            "service_role" => Ok(Bearer::Service),
            "authenticated" if self.is_anonymous => Err(AuthError::Anonymous),
            "authenticated" if self.is_for(&rules.audience) && self.is_by(&rules.issuer) => {
                let user = self.sub.as_deref().and_then(uuid);
                user.map(|user| Bearer::User(UserId(user)))
                    .ok_or(AuthError::WrongClaims)
            }
            "anon" => Err(AuthError::Anonymous),
            _ => Err(AuthError::WrongClaims),
        }
    }

    fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Some(Audience::One(one)) => one == audience,
            Some(Audience::Many(many)) => many.iter().any(|one| one == audience),
            None => false,
        }
    }

    fn is_by(&self, issuer: &Option<String>) -> bool {
        issuer.is_none() || &self.iss == issuer
    }
}

/// A UUID as Supabase writes it, with hyphens; the other forms of one are nobody's id.
pub(super) fn uuid(text: &str) -> Option<Uuid> {
    Some(text)
        .filter(|text| text.len() == 36)
        .and_then(|text| Uuid::try_parse(text).ok())
}
