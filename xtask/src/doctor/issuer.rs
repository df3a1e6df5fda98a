//! The issuer of access tokens, where it publishes keys.

use std::sync::Arc;

use memory_orchestrator::adapters::http::Outbound;
use memory_orchestrator::auth::published_keys;
use memory_orchestrator::config::Tokens;

use super::finding::Finding;
use super::services::explain;
use super::soon;

const AREA: &str = "tokens";

/// Asks for the keys. Their names and algorithms are told, and nothing else of them.
pub(super) async fn examine(tokens: &Tokens, outbound: &Arc<Outbound>) -> Option<Finding> {
    let url = tokens.jwks_url.clone()?;
    Some(
        match published_keys(url, Arc::clone(outbound), soon()).await {
            Ok(keys) if !keys.is_empty() => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|(kid, algorithm)| format!("{algorithm:?} {kid:?}"))
                    .collect();
                let keys = keys.join(", ");
                Finding::ok(AREA, format!("the issuer publishes what counts: {keys}"))
            }
            Ok(_) if tokens.secret.is_some() => Finding::warn(
                AREA,
                "the issuer publishes no key that counts: tokens count under SUPABASE_JWT_SECRET only",
            ),
            Ok(_) => Finding::fail(
                AREA,
                "the issuer publishes no key that counts, so no token does: docs/tokens.md says which keys do",
            ),
            Err(error) => {
                let who = "the issuer (SUPABASE_JWKS_URL, or SUPABASE_URL)";
                Finding::fail(AREA, explain(&error, "us", who))
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use devstack::issuer::{Fault, Issuer, Key};
    use memory_orchestrator::config::Secret;
    use serde_json::json;

    use super::*;

    async fn line(url: Option<String>, secret: bool) -> String {
        let tokens = Tokens {
            secret: secret.then(|| Secret::new("a secret of the tests")),
            jwks_url: url,
            audience: "authenticated".to_owned(),
            issuer: None,
        };
        let found = examine(&tokens, &Arc::new(Outbound::new(None))).await;
        found.map_or_else(String::new, |found| found.to_string())
    }

    #[tokio::test]
    async fn keys_are_told_by_name_and_algorithm() {
        let issuer = Issuer::start().await.unwrap();
        let keys = [Key::es256("one\n").unwrap(), Key::eddsa("two").unwrap()];
        issuer.publish(&keys.each_ref());
        let found = line(Some(issuer.jwks_url()), false).await;
        let told =
            "ok    tokens      the issuer publishes what counts: ES256 \"one\\n\", EdDSA \"two\"";
        assert_eq!(found, told);
    }

    #[tokio::test]
    async fn without_a_key_it_depends_on_the_secret() {
        assert_eq!(line(None, true).await, "");
        let issuer = Issuer::start().await.unwrap();
        issuer.publish_raw(vec![json!({ "kty": "oct", "kid": "a", "k": "AAAA" })]);
        let url = || Some(issuer.jwks_url());
        assert!(line(url(), true).await.starts_with("warn  tokens"));
        assert!(line(url(), false).await.starts_with("FAIL  tokens"));
        for fault in [
            Fault::Status(503),
            Fault::Text("<html>".to_owned()),
            Fault::Redirect("http://127.0.0.1:9/".to_owned()),
        ] {
            issuer.fail_with(Some(fault.clone()));
            let found = line(url(), true).await;
            assert!(
                found.starts_with("FAIL  tokens      the issuer ("),
                "{fault:?}: {found}"
            );
        }
    }
}
