//! Answers are sealed before they lie in Redis: what users said is read by nobody who has the cache and not the
//! deployment's secret. The seal is for one request of one user, so that an answer moved to another is none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::config;

/// What the deployment's secret is mixed with, so that this key is good for nothing else.
const PURPOSE: &[u8] = b"memory-orchestrator snapshot 1";

/// ChaCha20-Poly1305 with a random nonce for each answer; it stands before the answer, in base64.
#[derive(Debug)]
pub(super) struct Seal {
    /// `None` when it cannot be made, which does not happen; then no answer is kept.
    key: Option<LessSafeKey>,
}

impl Seal {
    pub(super) fn new(secret: &config::Secret) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
        let derived = hmac::sign(&secret, PURPOSE);
        let key = UnboundKey::new(&CHACHA20_POLY1305, derived.as_ref());
        Self {
            key: key.ok().map(LessSafeKey::new),
        }
    }

    /// `request` is the keyed hash of the request that it answers.
    pub(super) fn close(&self, request: &str, answer: &str) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).ok()?;
        let mut sealed = answer.as_bytes().to_vec();
        let about = Aad::from(request.as_bytes());
        let used = Nonce::assume_unique_for_key(nonce);
        let key = self.key.as_ref()?;
        key.seal_in_place_append_tag(used, about, &mut sealed)
            .ok()?;
        Some(STANDARD_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// The answer; nothing when it is not one that was sealed for this request.
    pub(super) fn open(&self, request: &str, sealed: &str) -> Option<String> {
        let sealed = STANDARD_NO_PAD.decode(sealed).ok()?;
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let about = Aad::from(request.as_bytes());
        let answer = self.key.as_ref()?.open_in_place(nonce, about, &mut rest);
        String::from_utf8(answer.ok()?.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_with_the_secret_and_for_its_request_only() {
        let seal = |secret| Seal::new(&config::Secret::new(secret));
        let sealed = seal("hush").close("request", "{\"a\":\"tea\"}").unwrap();
        assert_eq!(
            seal("hush").open("request", &sealed).as_deref(),
            Some("{\"a\":\"tea\"}")
        );
        assert_eq!(seal("shush").open("request", &sealed), None);
        assert_eq!(seal("hush").open("another", &sealed), None);
        for rubbish in ["", "AAAA", "{}", &sealed[1..], &sealed[..sealed.len() - 4]] {
            assert_eq!(seal("hush").open("request", rubbish), None, "{rubbish}");
        }
        // Never the same twice, so that nobody learns that an answer came again.
        assert_ne!(
            seal("hush").close("request", "{}"),
            seal("hush").close("request", "{}")
        );
    }
}
