//! The names of what is kept.
//!
//! A bare hash of a short text can be guessed by whoever can read the cache, so hashes are HMAC-SHA-256, with a key that
//! is derived from the deployment's secret and stands nowhere. They are scoped to a user, so that nobody learns from
//! the time of an answer whether somebody else asked the same.

use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use uuid::Uuid;

use crate::config;
use crate::domain::ids::UserId;

/// What the deployment's secret is mixed with, so that this key is good for nothing else.
const PURPOSE: &[u8] = b"memory-orchestrator cache 1";

/// Makes the keys that hold hashes.
#[derive(Debug)]
pub(super) struct Keys {
    /// `None` when it cannot be derived, which does not happen; then nothing is cached.
    key: Option<EncodingKey>,
    /// What an answer depends on beside the request.
    deployment: String,
    /// Which embeddings: the model and its dimensions.
    model: String,
}

impl Keys {
    pub(super) fn new(secret: &config::Secret, embeddings: Option<&config::Embeddings>) -> Self {
        let model = embeddings.map_or_else(
            || "none".to_owned(),
            |embeddings| format!("{}:{}", embeddings.model, embeddings.dimensions),
        );
        let secret = EncodingKey::from_secret(secret.expose().as_bytes());
        let derived = sign(PURPOSE, &secret, Algorithm::HS256).ok();
        Self {
            key: derived.map(|derived| EncodingKey::from_secret(derived.as_bytes())),
            deployment: format!("{} {model}", env!("CARGO_PKG_VERSION")),
            model,
        }
    }

    /// The key of a query's vector. It names the user, so that an erasure finds it.
    pub(super) fn embedding(&self, user: UserId, query: &str) -> Option<String> {
        let hash = self.hash(&["embedding"], user, query.as_bytes())?;
        Some(format!(
            "{}:embedding:{}:{hash}",
            generation(user),
            self.model
        ))
    }

    /// The hash of a request. Another version of the service, or another model, may answer it in another way.
    pub(super) fn request(&self, user: UserId, request: &[u8]) -> Option<String> {
        self.hash(&["request", &self.deployment], user, request)
    }

    /// Base64url. What comes before the text is of fixed length or ends with a zero byte.
    fn hash(&self, about: &[&str], user: UserId, text: &[u8]) -> Option<String> {
        let mut message = Vec::with_capacity(128 + text.len());
        for word in about {
            message.extend_from_slice(word.as_bytes());
            message.push(0);
        }
        message.extend_from_slice(user.0.as_bytes());
        message.extend_from_slice(text);
        sign(&message, self.key.as_ref()?, Algorithm::HS256).ok()
    }
}

/// The key of a user's generation, and how all the user's keys begin.
pub(super) fn generation(user: UserId) -> String {
    format!("memory:{}", user.0)
}

/// The key of the snapshot of a session, or of no session.
pub(super) fn snapshot(user: UserId, session: Option<Uuid>) -> String {
    match session {
        Some(session) => format!("memory:{}:{session}", user.0),
        None => format!("memory:{}:-", user.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secret: &str, model: &str) -> Keys {
        let embeddings = config::Embeddings {
            provider: config::EmbeddingsProvider::Compatible,
            url: String::new(),
            key: None,
            model: model.to_owned(),
            dimensions: 384,
            trusted: false,
        };
        Keys::new(&config::Secret::new(secret), Some(&embeddings))
    }

    #[test]
    fn a_key_tells_users_models_secrets_and_texts_apart_and_nothing_of_them() {
        let user = UserId(Uuid::from_u128(7));
        let key = keys("hush", "gte").embedding(user, "hello").unwrap();
        assert_eq!(keys("hush", "gte").embedding(user, "hello").unwrap(), key);
        assert!(key.starts_with(&format!("{}:embedding:gte:384:", generation(user))));
        assert!(!key.contains("hello"));
        let other = UserId(Uuid::from_u128(8));
        for another in [
            keys("hush", "gte").embedding(user, "hello "),
            keys("hush", "gte").embedding(other, "hello"),
            keys("hush", "e5").embedding(user, "hello"),
            keys("shush", "gte").embedding(user, "hello"),
        ] {
            assert_ne!(another.unwrap(), key);
        }
    }

    #[test]
    fn a_request_to_another_model_is_another_request() {
        let user = UserId(Uuid::from_u128(7));
        let hash = |model| keys("hush", model).request(user, b"{}").unwrap();
        assert_eq!(hash("gte"), hash("gte"));
        assert_ne!(hash("gte"), hash("e5"));
        // 256 bits in base64url.
        assert_eq!(hash("gte").len(), 43);
    }

    #[test]
    fn without_a_session_there_is_a_key_too() {
        let user = UserId(Uuid::from_u128(7));
        let name = "memory:00000000-0000-0000-0000-000000000007";
        assert_eq!(generation(user), name);
        assert_eq!(snapshot(user, None), format!("{name}:-"));
        let session = Uuid::from_u128(9);
        assert_eq!(snapshot(user, Some(session)), format!("{name}:{session}"));
    }
}
