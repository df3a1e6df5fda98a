//! What follows `Bearer` (or `Authorization: Basic`), and values named `token`, `secret` or `key`.

use super::Text;
use super::password::{Value, looks_random, value};
use super::tokens::words;
use crate::redact::class::Class;
use crate::redact::spans::Found;

const NAMES: [&str; 6] = [
    "token",
    "secret",
    "key",
    "apikey",
    "credential",
    "credentials",
];

/// What has this many characters is no word.
const LONG: usize = 24;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    for word in words(text) {
        let basic = || {
            let before = text[..word.start].trim_end_matches([' ', ':', '"', '\'']);
            let header = before.len().checked_sub("authorization".len());
            let header = header.and_then(|from| before.get(from..));
            header.is_some_and(|header| header.eq_ignore_ascii_case("authorization"))
        };
        if word.text.eq_ignore_ascii_case("bearer")
            || (word.text.eq_ignore_ascii_case("basic") && basic())
        {
            bearer(text, word.end(), found);
        } else if NAMES
            .iter()
            .any(|name| word.text.eq_ignore_ascii_case(name))
            && let Some(Value {
                start, end, named, ..
            }) = value(text, word.end())
            && (named && end - start >= 8)
            && looks_random(&text[start..end])
        {
            found.add(Class::ApiKey, start, end);
        }
    }
}

/// RFC 6750: base64 and its like.
fn bearer(text: &str, at: usize, found: &mut Found) {
    let rest = text[at..].trim_start_matches([' ', ':', '"', '\'']);
    let is_part = |c: &char| c.is_ascii_alphanumeric() || "-._~+/=".contains(*c);
    let length = rest.chars().take_while(is_part).count();
    let token = rest[..length].trim_end_matches('.');
    if rest.len() < text.len() - at
        && token.len() >= 8
        && (token.len() >= LONG || looks_random(token))
    {
        let start = text.len() - rest.len();
        found.add(Class::BearerToken, start, start + token.len());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn bearers_and_named_values_are_found() {
        for (text, token) in [
            ("Authorization: Bearer abc123DEF456==", "abc123DEF456=="),
            (
                "authorization: basic dXNlcjpwYXNzd29yZA==",
                "dXNlcjpwYXNzd29yZA==",
            ),
            ("bearer mF_9.B5f-4.1JqM.", "mF_9.B5f-4.1JqM"),
            (
                "Bearer abcdefghijklmnopqrstuvwxyz",
                "abcdefghijklmnopqrstuvwxyz",
            ),
        ] {
            assert_eq!(found(Class::BearerToken, text), [token], "{text}");
        }
        for (text, key) in [
            ("my api key: 9f8e7d6c5b", "9f8e7d6c5b"),
            ("{\"token\": \"a1b2c3d4e5\"}", "a1b2c3d4e5"),
            ("CLIENT_SECRET=x9y8z7w6v5", "x9y8z7w6v5"),
        ] {
            assert_eq!(found(Class::ApiKey, text), [key], "{text}");
        }
    }

    #[test]
    fn talk_of_them_is_not() {
        for text in [
            "the bearer of news",
            "Bearer bonds",
            "Basic dXNlcjpwYXNzd29yZA==",
            "a bearer, unfortunately",
            "Bearerabc123DEF456",
        ] {
            assert!(found(Class::BearerToken, text).is_empty(), "{text}");
        }
        for text in [
            "the key: practice",
            "token: one",
            "secret: grandmother's",
            "the key is a1b2c3d4e5",
        ] {
            assert!(found(Class::ApiKey, text).is_empty(), "{text}");
        }
    }
}
