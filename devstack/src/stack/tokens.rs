//! Development access tokens, as Supabase would sign them with the shared secret.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Error;

/// The role of a signed-in user.
pub const USER: &str = "authenticated";

/// The role of the team's own server.
pub const SERVICE: &str = "service_role";

/// An hour.
pub const HOUR: Duration = Duration::from_secs(3600);

/// Mints a token for a role; a user's carries `sub` and `aud`.
///
/// # Errors
/// When it cannot be signed.
pub fn mint(secret: &str, user: Option<Uuid>, role: &str, life: Duration) -> Result<String, Error> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let mut claims = json!({ "role": role, "iat": now.as_secs(), "exp": (now + life).as_secs() });
    if let Some(user) = user {
        claims["sub"] = json!(user);
        claims["aud"] = json!("authenticated");
    }
    sign(secret, &claims, Algorithm::HS256)
}

/// Signs any claims: what a test needs to be refused.
///
/// # Errors
/// When the algorithm is not one of a shared secret.
pub fn sign(secret: &str, claims: &Value, algorithm: Algorithm) -> Result<String, Error> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::new(algorithm), claims, &key)?)
}
