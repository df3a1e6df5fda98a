//! Supabase access tokens: JWTs signed with the project's shared secret (HS256), or with a key of a pair whose public half
//! the issuer publishes (ES256, RS256, EdDSA). A deployment may accept both at once, as it must while it moves.
//!
//! **The algorithm is decided by the key, never by the token.** The shared secret is only ever used for HS256, a public key
//! only for the one algorithm of its kind, and never as a secret. Of a token's header we use `kid`, to look among
//! the keys that we have; what else it may carry (`jku`, `x5u`, `jwk`) is not followed.

use std::sync::Arc;

use http::HeaderMap;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header};

use super::caller::{bearer, named_user};
use super::claims::{self, Bearer, Claims};
use super::jwks::Jwks;
use super::{AuthError, Caller, Unverified};
use crate::adapters::http::Outbound;
use crate::config::Tokens;

/// Checks access tokens.
pub struct Verifier {
    secret: Option<DecodingKey>,
    jwks: Option<Jwks>,
    rules: Tokens,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Verifier {
    /// A verifier for the configured issuer. Asks nobody yet.
    pub fn new(tokens: Tokens, outbound: &Arc<Outbound>) -> Self {
        let secret = tokens.secret.as_ref();
        Self {
            secret: secret.map(|secret| DecodingKey::from_secret(secret.expose().as_bytes())),
            jwks: tokens
                .jwks_url
                .clone()
                .map(|url| Jwks::new(url, Arc::clone(outbound))),
            rules: tokens,
        }
    }

    /// A verifier whose issuer answers this set of keys, always.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn publishing(tokens: Tokens, set: String) -> Self {
        let outbound = Arc::new(Outbound::new(None));
        Self {
            jwks: Some(Jwks::publishing(set)),
            ..Self::new(tokens, &outbound)
        }
    }

    /// Asks for the issuer's keys, when it has any.
    pub async fn warm(&self) {
        if let Some(jwks) = &self.jwks {
            jwks.warm().await;
        }
    }

    /// Who sent these headers.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Unverified> {
        let claims = self.read(bearer(headers)?).await?;
        Ok(match claims.bearer(&self.rules)? {
            Bearer::User(user) => Caller::User(user),
            Bearer::Service => Caller::Service(named_user(headers)?),
        })
    }

    async fn read(&self, token: &str) -> Result<Claims, Unverified> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::BadToken)?;
        if !is_access_token(&header) {
            return Err(AuthError::BadToken.into());
        }
        if let Some(secret) = &self.secret {
            match claims::read(token, secret, Algorithm::HS256) {
                Err(AuthError::BadToken) => {}
                read => return Ok(read?),
            }
        }
        // What no public key can have signed is not worth a question to the issuer.
        let Some(jwks) = &self.jwks else {
            return Err(AuthError::BadToken.into());
        };
        let kid = match (header.alg.family(), &header.kid) {
            (AlgorithmFamily::Hmac, _) | (_, None) => return Err(AuthError::BadToken.into()),
            (_, Some(kid)) => kid,
        };
        let keys = jwks.find(kid).await.map_err(Unverified::Unavailable)?;
        let mut read = Err(AuthError::UnknownKey);
        for key in keys.named(kid) {
            read = claims::read(token, &key.key, key.algorithm);
            if !matches!(read, Err(AuthError::BadToken)) {
                break;
            }
        }
        Ok(read?)
    }
}

/// RFC 8725 asks to tell kinds of JWT apart by `typ`, RFC 7515 to refuse what calls critical something that we do not know;
/// we know of nothing.
fn is_access_token(header: &Header) -> bool {
    let typ = header.typ.as_deref().unwrap_or("JWT");
    header.crit.is_none()
        && ["JWT", "at+jwt"]
            .iter()
            .any(|known| typ.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests;
