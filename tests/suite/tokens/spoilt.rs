//! Tokens that were good once, or nearly are: broken on the way, stale, mis-typed, meant for somebody else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use black_box::sign;
use jsonwebtoken::Algorithm::HS256;
use serde_json::{Value, json};

use super::forged::{ISSUER, Keys, each_is_refused, good, part};

/// Not whole, or not what it was.
fn broken(keys: &Keys) -> Vec<(String, String)> {
    let token = keys.es.sign(&good()).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let [head, body, signature] = parts[..] else {
        unreachable!()
    };
    let mut bits = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bits[10] ^= 1;
    let service = part(good().to_string().replace("authenticated", "service_role"));
    let raw = |text: &str| keys.es.sign_under(&keys.es.header(), text).unwrap();
    let text = good().to_string();
    let twice = text.replacen('{', "{\"role\":\"service_role\",", 1);
    let deep = format!("{{\"exp\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let doubled = format!("{{\"alg\":\"none\",{}", &keys.es.header().to_string()[1..]);
    [
        (
            "another body under its signature",
            format!("{head}.{service}.{signature}"),
        ),
        (
            "one bit of the signature",
            format!("{head}.{body}.{}", part(bits)),
        ),
        (
            "a signature of zeros",
            format!("{head}.{body}.{}", part([0; 64])),
        ),
        (
            "a signature that is too short",
            format!("{head}.{body}.{}", part([7; 10])),
        ),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{token}.{signature}")),
        (
            "five parts, as of an encrypted one",
            format!("{head}....{signature}"),
        ),
        ("only dots", "..".to_owned()),
        ("padding", format!("{token}=")),
        ("not base64", format!("{head}.{body}.!!!!")),
        ("a space inside", format!("{head}. {body}.{signature}")),
        ("no JSON", raw("exp=1")),
        ("a list", raw("[]")),
        ("null", raw("null")),
        ("deep nesting", raw(&deep)),
        ("a role twice", raw(&twice)),
        ("an algorithm twice", {
            let message = format!("{}.{body}", part(doubled));
            format!("{message}.{signature}")
        }),
        (
            "a key of Supabase that is no JWT",
            "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz".to_owned(),
        ),
        ("a long word", "a".repeat(5000)),
    ]
    .map(|(name, token)| (name.to_owned(), token))
    .to_vec()
}

/// Well signed, by a key and by the secret, and no good all the same.
fn mistaken(keys: &Keys) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for change in [
        json!({ "exp": -60 }),
        json!({ "exp": null }),
        json!({ "exp": "2099-01-01" }),
        json!({ "exp": [] }),
        json!({ "nbf": 600 }),
        json!({ "nbf": "now" }),
        json!({ "aud": "else" }),
        json!({ "aud": ["else"] }),
        json!({ "aud": [] }),
        json!({ "aud": null }),
        json!({ "aud": 7 }),
        json!({ "iss": null }),
        json!({ "iss": "https://issuer.example/auth/v1/" }),
        json!({ "iss": "https://else.example" }),
        json!({ "iss": [ISSUER] }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "me" }),
        json!({ "sub": 7 }),
        json!({ "sub": "0192f0c123457abc8def0123456789ab" }),
        json!({ "sub": "{0192f0c1-2345-7abc-8def-0123456789ab}" }),
        json!({ "sub": "0192f0c1-2345-7abc-8def-0123456789ab' or true --" }),
        json!({ "role": null }),
        json!({ "role": "anon" }),
        json!({ "role": "postgres" }),
        json!({ "role": "memory_worker" }),
        json!({ "role": "Authenticated" }),
        json!({ "role": "SERVICE_ROLE" }),
        json!({ "role": ["authenticated", "service_role"] }),
        json!({ "is_anonymous": true }),
        json!({ "is_anonymous": "true" }),
        json!({ "is_anonymous": null }),
        json!({ "role": "service_role", "sub": null }),
        json!({ "role": "service_role", "exp": -60 }),
        json!({ "role": "service_role", "exp": null }),
    ] {
        let mut claims = good();
        for (name, value) in super::claims(change.clone()).as_object().unwrap() {
            if change.get(name).is_some() {
                claims[name] = value.clone();
            }
        }
        // Null removes all but `is_anonymous`, which is null.
        for (name, value) in change.as_object().unwrap() {
            if value.is_null() && name != "is_anonymous" {
                claims.as_object_mut().unwrap().remove(name);
            } else if value.is_null() {
                claims[name] = Value::Null;
            }
        }
        all.push((
            format!("{change}, by a key"),
            keys.es.sign(&claims).unwrap(),
        ));
        all.push((format!("{change}, by the secret"), sign(&claims, HS256)));
    }
    all
}

#[test]
fn what_is_broken_is_refused() {
    each_is_refused(broken, 20);
}

#[test]
fn what_is_stale_or_meant_for_somebody_else_is_refused() {
    each_is_refused(mistaken, 60);
}
