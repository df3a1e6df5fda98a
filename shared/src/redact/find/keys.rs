//! JSON Web Tokens, and vendors' API keys by the prefixes that the vendors gave them to be found by. The
//! prefixes and lengths are the vendors' own, gathered with the help of gitleaks' rules (MIT):
//! <https://github.com/gitleaks/gitleaks/tree/master/cmd/generate/config/rules>

use super::Text;
use super::tokens::{Token, runs};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// What the rest of a key is made of.
#[derive(Clone, Copy)]
enum Letters {
    Hex,
    Upper,
    Word,
    /// Words with hyphens and underscores, as of base64url.
    Url,
    /// The same with dots.
    Dotted,
}
use Letters::{Dotted, Hex, Upper, Url, Word};

/// A prefix, what follows, and how much of it at least.
const KEYS: [(&str, Letters, usize); 93] = [
    ("A3T", Upper, 17),
    ("ABIA", Upper, 16),
    ("ACCA", Upper, 16),
    ("AKIA", Upper, 16),
    ("ASIA", Upper, 16),
    ("AIza", Url, 35),
    ("GOCSPX-", Url, 20),
    ("ya29.", Dotted, 30),
    ("ghp_", Word, 30),
    ("gho_", Word, 30),
    ("ghu_", Word, 30),
    ("ghs_", Word, 30),
    ("ghr_", Word, 30),
    ("github_pat_", Url, 40),
    ("glpat-", Url, 20),
    ("glptt-", Url, 20),
    ("gldt-", Url, 20),
    ("glrt-", Url, 20),
    ("glcbt-", Url, 20),
    ("gloas-", Url, 20),
    ("glsoat-", Url, 20),
    ("glimt-", Url, 20),
    ("glagent-", Url, 20),
    ("xoxa-", Url, 20),
    ("xoxb-", Url, 20),
    ("xoxc-", Url, 20),
    ("xoxd-", Url, 20),
    ("xoxe-", Url, 20),
    ("xoxe.", Dotted, 20),
    ("xoxo-", Url, 20),
    ("xoxp-", Url, 20),
    ("xoxr-", Url, 20),
    ("xoxs-", Url, 20),
    ("xapp-", Url, 20),
    ("sk_live_", Word, 10),
    ("sk_test_", Word, 10),
    ("sk_prod_", Word, 10),
    ("rk_live_", Word, 10),
    ("rk_test_", Word, 10),
    ("rk_prod_", Word, 10),
    ("whsec_", Word, 20),
    ("sk-", Url, 20),
    ("sess-", Word, 32),
    ("gsk_", Word, 40),
    ("xai-", Word, 60),
    ("pplx-", Word, 40),
    ("hf_", Word, 30),
    ("api_org_", Word, 30),
    ("r8_", Word, 30),
    ("m0-", Word, 32),
    ("npm_", Word, 36),
    ("pypi-", Url, 50),
    ("rubygems_", Hex, 48),
    ("cio", Word, 32),
    ("SG.", Dotted, 40),
    ("key-", Hex, 32),
    ("xkeysib-", Url, 64),
    ("re_", Url, 24),
    ("AC", Hex, 32),
    ("SK", Hex, 32),
    ("dop_v1_", Hex, 64),
    ("doo_v1_", Hex, 64),
    ("dor_v1_", Hex, 64),
    ("dp.pt.", Dotted, 40),
    ("shpat_", Hex, 32),
    ("shpca_", Hex, 32),
    ("shppa_", Hex, 32),
    ("shpss_", Hex, 32),
    ("sq0atp-", Url, 22),
    ("sq0csp-", Url, 43),
    ("EAAA", Url, 60),
    ("dapi", Hex, 32),
    ("lin_api_", Word, 40),
    ("ntn_", Word, 40),
    ("secret_", Word, 40),
    ("PMAK-", Url, 40),
    ("pul-", Hex, 40),
    ("hvs.", Dotted, 24),
    ("hvb.", Dotted, 24),
    ("AGE-SECRET-KEY-1", Upper, 58),
    ("NRAK-", Upper, 27),
    ("glc_", Word, 32),
    ("glsa_", Url, 32),
    ("ATATT3", Url, 60),
    ("sbp_", Hex, 40),
    ("sb_secret_", Url, 20),
    ("sntrys_", Url, 40),
    ("sntryu_", Hex, 64),
    ("pscale_", Dotted, 32),
    ("figd_", Url, 40),
    ("nfp_", Word, 36),
    ("lsv2_", Url, 32),
    ("tfp_", Word, 32),
];

/// Whoever knows the path behind this host may post.
const SLACK: &str = "hooks.slack.com";

/// A run is worth a look from this length on.
const LEAST: usize = 15;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for run in runs(text.text).filter(|run| run.text.len() >= LEAST) {
        if is_jwt(run.text) {
            found.add(Class::Jwt, run.start, run.end());
        } else if run.text.ends_with(SLACK) {
            let path = &text.text[run.end()..];
            let is_part =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
            let length = path.bytes().take(128).take_while(is_part).count();
            if path.starts_with("/services/") {
                found.add(
                    Class::ApiKey,
                    run.end() + "/services/".len(),
                    run.end() + length,
                );
            }
        } else if let Some(length) = key(run.text).or_else(|| bot(text.text, run)) {
            found.add(Class::ApiKey, run.start, run.start + length);
        }
    }
}

/// Three parts (or two and an empty one) of base64url, the first two JSON objects: `{"` is `eyJ`.
fn is_jwt(run: &str) -> bool {
    let mut parts = run.split('.');
    let mut object = || {
        parts
            .next()
            .is_some_and(|part| part.starts_with("eyJ") && part.len() >= 10)
    };
    object() && object() && parts.count() <= 3
}

/// How many bytes are a vendor's key.
fn key(run: &str) -> Option<usize> {
    let of_first = KEYS
        .iter()
        .filter(|(prefix, ..)| prefix.as_bytes()[0] == run.as_bytes()[0]);
    let mut lengths = of_first.filter_map(|(prefix, letters, least)| {
        let rest = run.strip_prefix(prefix)?;
        let length = rest.bytes().take_while(|byte| letters.have(*byte)).count();
        // A word with hyphens can begin like a key, but no key goes without a digit.
        let random =
            rest[..length].bytes().any(|byte| byte.is_ascii_digit()) || matches!(letters, Upper);
        (length >= *least && random).then_some(prefix.len() + length)
    });
    lengths
        .next()
        .map(|length| run[..length].trim_end_matches(['.', '-']).len())
}

/// Telegram's bots: a number, a colon, 35 characters that begin with `A`. `run` is what stands behind the
/// colon, and the key is that.
fn bot(text: &str, run: Token<'_>) -> Option<usize> {
    let number = text[..run.start].strip_suffix(':')?;
    let digits = number.bytes().rev().take_while(u8::is_ascii_digit).count();
    let is_key = run.text.starts_with('A') && run.text.len() == 35 && !run.text.contains('.');
    (is_key && (8..=16).contains(&digits)).then_some(run.text.len())
}

impl Letters {
    fn have(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    /// Put together here, so that no scanner of secrets stumbles over this file.
    fn made(prefix: &str, length: usize) -> String {
        prefix
            .chars()
            .chain("A1B2C3D4E5F6A7B8".chars().cycle().take(length))
            .collect()
    }

    #[test]
    fn every_vendors_keys_are_found() {
        for (prefix, _, least) in KEYS {
            let key = made(prefix, least.max(16));
            assert_eq!(
                found(Class::ApiKey, &format!("use {key}, please")),
                [key.as_str()]
            );
            assert_eq!(found(Class::ApiKey, &format!("KEY={key}")), [key.as_str()]);
        }
        let path = made("T0/B0/", 24);
        let hook = format!("https://hooks.slack.com/services/{path}");
        assert_eq!(found(Class::ApiKey, &hook), [path]);
        let key = made("A", 34);
        assert_eq!(found(Class::ApiKey, &format!("bot 123456789:{key}")), [key]);
    }

    #[test]
    fn words_that_begin_alike_are_not() {
        for text in [
            "sk-learn-is-a-library-of-python",
            "re_evaluating_everything_here",
            "key-value-stores-are-fine",
            "npm_config_registry_is_set",
            "https://example.org/AC/DC-live-at-the-stadium-1991",
        ] {
            assert!(found(Class::ApiKey, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn tokens_are_found_with_or_without_a_signature() {
        for jwt in [
            "eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",
            "eyJhbGciOiJI.eyJzdWIiOiIx",
        ] {
            assert_eq!(found(Class::Jwt, &format!("t={jwt}.")), [jwt]);
        }
        assert!(found(Class::Jwt, "eyJhbGciOiJI.example.org-and-more").is_empty());
    }
}
