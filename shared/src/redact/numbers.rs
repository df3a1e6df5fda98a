//! The numbers in placeholders, and what an audit keeps of the values behind them: keyed hashes. With them
//! a value has the same number throughout a session, though the value is stored nowhere.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};

/// What the deployment's secret is mixed with, so that this key is good for nothing else.
const PURPOSE: &[u8] = b"memory-orchestrator redaction 1";

/// Makes the hashes of one user's values. A bare hash of a phone number is guessed in seconds; with a key
/// that stands nowhere it is not. Two users' hashes of one value have nothing in common.
#[derive(Clone)]
pub struct HashKey(EncodingKey);

impl HashKey {
    /// Derived from the deployment's secret for one owner, a user's id. `None` when HMAC-SHA-256 cannot be
    /// had, which does not happen.
    pub fn derive(secret: &[u8], owner: &[u8]) -> Option<Self> {
        let mut message = PURPOSE.to_vec();
        message.push(0);
        message.extend_from_slice(owner);
        let derived = sign(
            &message,
            &EncodingKey::from_secret(secret),
            Algorithm::HS256,
        )
        .ok()?;
        Some(Self(EncodingKey::from_secret(derived.as_bytes())))
    }

    /// HMAC-SHA-256 in base64url, 43 characters.
    fn hash(&self, class: &str, value: &str) -> Option<String> {
        let message = [class.as_bytes(), &[0], value.as_bytes()].concat();
        sign(&message, &self.0, Algorithm::HS256).ok()
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey")
    }
}

/// One value that was replaced in a text, for the audit: all but the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The class's name, or the pattern's.
    pub class: String,
    /// The number in its placeholder.
    pub number: u32,
    /// How often it stood in the text.
    pub count: u32,
    /// The value's keyed hash.
    pub hash: String,
}

/// Which value has which number, in one session or in one text.
#[derive(Debug, Default)]
pub struct Numbers {
    key: Option<HashKey>,
    /// By class and hash (or value, where there is no key and so no session).
    known: HashMap<(String, String), u32>,
    last: HashMap<String, u32>,
}

impl Numbers {
    /// A new session's.
    pub fn new(key: HashKey) -> Self {
        Self {
            key: Some(key),
            ..Self::default()
        }
    }

    /// A session's that goes on: class, hash and number of each finding so far, as the audit has them.
    pub fn resume<'a>(
        key: HashKey,
        findings: impl IntoIterator<Item = (&'a str, &'a str, u32)>,
    ) -> Self {
        let mut numbers = Self::new(key);
        for (class, hash, number) in findings {
            numbers
                .known
                .insert((class.to_owned(), hash.to_owned()), number);
            let last = numbers.last.entry(class.to_owned()).or_default();
            *last = number.max(*last);
        }
        numbers
    }

    /// The number of a value, and its hash where there is a key.
    pub(super) fn of(&mut self, class: &str, value: String) -> (u32, Option<String>) {
        let hash = self.key.as_ref().and_then(|key| key.hash(class, &value));
        let known = hash.clone().unwrap_or(value);
        let number = *self
            .known
            .entry((class.to_owned(), known))
            .or_insert_with(|| {
                let last = self.last.entry(class.to_owned()).or_default();
                *last += 1;
                *last
            });
        (number, hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &str, owner: &str) -> HashKey {
        HashKey::derive(secret.as_bytes(), owner.as_bytes()).unwrap()
    }

    #[test]
    fn a_hash_tells_users_classes_secrets_and_values_apart_and_nothing_of_them() {
        let hash = key("hush", "ann").hash("PIN", "4711").unwrap();
        assert_eq!(hash.len(), 43);
        assert_eq!(key("hush", "ann").hash("PIN", "4711").unwrap(), hash);
        for other in [
            key("hush", "ann").hash("PIN", "4712"),
            key("hush", "ann").hash("CVV", "4711"),
            key("hush", "bob").hash("PIN", "4711"),
            key("shush", "ann").hash("PIN", "4711"),
        ] {
            assert_ne!(other.unwrap(), hash);
        }
        assert_eq!(format!("{:?}", key("hush", "ann")), "HashKey");
    }

    #[test]
    fn a_session_goes_on_with_its_numbers() {
        let mut numbers = Numbers::new(key("hush", "ann"));
        let (one, hash) = numbers.of("PIN", "4711".to_owned());
        assert_eq!((one, numbers.of("PIN", "4712".to_owned()).0), (1, 2));
        let hash = hash.unwrap();
        let known = [("PIN", hash.as_str(), 1), ("PIN", "another", 5)];
        let mut numbers = Numbers::resume(key("hush", "ann"), known);
        assert_eq!(numbers.of("PIN", "4711".to_owned()), (1, Some(hash)));
        assert_eq!(numbers.of("PIN", "new".to_owned()).0, 6);
        assert_eq!(numbers.of("CVV", "123".to_owned()).0, 1);
    }
}
