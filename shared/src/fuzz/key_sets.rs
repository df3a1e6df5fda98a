//! What an issuer publishes.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use crate::auth::Verifier;
use crate::config::Tokens;

/// A claim that would let its bearer in, for a long time.
const CLAIMS: &str = r#"{"role":"service_role","exp":9999999999}"#;

/// Tokens for the key `a` that nobody has signed.
static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let token = |(algorithm, length): (&str, usize), byte: u8| {
        let head = format!(r#"{{"alg":"{algorithm}","kid":"a"}}"#);
        let signature = URL_SAFE_NO_PAD.encode(vec![byte; length]);
        format!("{}.{}.{signature}", part(&head), part(CLAIMS))
    };
    let kinds = [("ES256", 64), ("EdDSA", 64), ("RS256", 256)];
    kinds
        .map(|kind| [0, 1].map(|byte| token(kind, byte)))
        .concat()
});

/// A set of keys: whatever it says, it lets in nobody whose token is not signed.
pub fn key_sets(data: &[u8]) {
    let rules = Tokens {
        secret: None,
        jwks_url: None,
        audience: "authenticated".to_owned(),
        issuer: None,
    };
    let verifier = Verifier::publishing(rules, String::from_utf8_lossy(data).into_owned());
    for token in TOKENS.iter() {
        let Ok(value) = HeaderValue::from_str(&format!("Bearer {token}")) else {
            continue;
        };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        let asked = verifier.caller(&headers).now_or_never();
        assert!(asked.is_some_and(|caller| caller.is_err()), "{token}");
    }
}
