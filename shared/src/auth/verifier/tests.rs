mod nonsense;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use jsonwebtoken::{EncodingKey, get_current_timestamp as now};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::caller::USER_HEADER;
use super::*;
use crate::config::Secret;
use crate::domain::ids::UserId;

const SECRET: &str = "a secret that only the tests know";
const USER: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

/// PKCS #8 (RFC 5958) around 32 bytes that are a private key of Ed25519 (RFC 8410), or of P-256 (RFC 5915).
const ED: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
const EC: &[u8] =
    b"\x30\x41\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\
    \xce\x3d\x03\x01\x07\x04\x27\x30\x25\x02\x01\x01\x04\x20";

fn ed(seed: u8) -> EncodingKey {
    EncodingKey::from_ed_der(&[ED, &[seed; 32]].concat())
}

fn ec(seed: u8) -> EncodingKey {
    EncodingKey::from_ec_der(&[EC, &[seed; 32]].concat())
}

/// The public half, under a name.
fn jwk(kid: &str, key: &EncodingKey, algorithm: Algorithm) -> Value {
    let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(key, algorithm).unwrap();
    let mut jwk = serde_json::to_value(jwk).unwrap();
    jwk["kid"] = json!(kid);
    jwk
}

fn claims(change: Value) -> Value {
    let mut claims = json!({
        "sub": USER, "role": "authenticated", "aud": "authenticated", "exp": now() + 60,
        "iss": "https://issuer.example",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, it| !it.is_null());
    claims
}

fn sign(head: Value, claims: &Value, key: &EncodingKey) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&head), part(claims));
    let algorithm = match key.family() {
        AlgorithmFamily::Ec => Algorithm::ES256,
        AlgorithmFamily::Ed => Algorithm::EdDSA,
        _ => Algorithm::HS256,
    };
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn hs(claims: &Value) -> String {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    sign(json!({ "alg": "HS256", "typ": "JWT" }), claims, &key)
}

fn verifier(secret: bool, issuer: Option<&str>) -> Verifier {
    let keys = [
        jwk("ed", &ed(1), Algorithm::EdDSA),
        jwk("ec", &ec(1), Algorithm::ES256),
        jwk("both", &ed(2), Algorithm::EdDSA),
        jwk("both", &ec(2), Algorithm::ES256),
    ];
    let rules = Tokens {
        secret: secret.then(|| Secret::new(SECRET)),
        jwks_url: None,
        audience: "authenticated".to_owned(),
        issuer: issuer.map(str::to_owned),
    };
    Verifier {
        jwks: Some(Jwks::publishing(json!({ "keys": keys }).to_string())),
        ..Verifier::new(rules, &Arc::new(Outbound::new(None)))
    }
}

async fn ask_of(verifier: &Verifier, token: &str, user: Option<&str>) -> Result<Caller, AuthError> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    if let Some(user) = user {
        headers.insert(USER_HEADER, user.parse().unwrap());
    }
    verifier
        .caller(&headers)
        .await
        .map_err(|error| match error {
            Unverified::Refused(error) => error,
            Unverified::Unavailable(error) => unreachable!("{error}"),
        })
}

async fn ask(token: &str) -> Result<Caller, AuthError> {
    ask_of(&verifier(true, None), token, None).await
}

fn user() -> UserId {
    UserId(Uuid::try_parse(USER).unwrap())
}

#[tokio::test]
async fn each_key_lets_its_own_tokens_in() {
    let good = claims(json!({}));
    for token in [
        hs(&good),
        sign(json!({ "alg": "EdDSA", "kid": "ed" }), &good, &ed(1)),
        sign(
            json!({ "alg": "ES256", "kid": "ec", "typ": "jwt" }),
            &good,
            &ec(1),
        ),
        sign(json!({ "alg": "EdDSA", "kid": "both" }), &good, &ed(2)),
        sign(json!({ "alg": "ES256", "kid": "both" }), &good, &ec(2)),
    ] {
        assert_eq!(ask(&token).await, Ok(Caller::User(user())), "{token}");
    }
    let token = hs(&good);
    assert_eq!(
        ask_of(&verifier(false, None), &token, None).await,
        Err(AuthError::BadToken)
    );
}

#[tokio::test]
async fn the_service_acts_for_the_user_it_names() {
    let verifier = verifier(true, Some("https://issuer.example"));
    let service = claims(json!({
        "role": "service_role", "sub": null, "aud": null, "iss": "supabase",
    }));
    for token in [
        hs(&service),
        sign(json!({ "alg": "ES256", "kid": "ec" }), &service, &ec(1)),
    ] {
        let ask = async |user| ask_of(&verifier, &token, user).await;
        assert_eq!(ask(Some(USER)).await, Ok(Caller::Service(Some(user()))));
        assert_eq!(ask(None).await.unwrap().user(), Err(AuthError::NoUser));
        assert_eq!(ask(Some("nobody")).await, Err(AuthError::NoUser));
    }
    let other = "ffffffff-2345-7abc-8def-0123456789ab";
    let token = hs(&claims(json!({})));
    assert_eq!(
        ask_of(&verifier, &token, Some(other)).await,
        Ok(Caller::User(user()))
    );
}

#[tokio::test]
async fn the_key_decides_the_algorithm() {
    let good = claims(json!({}));
    let shared = EncodingKey::from_secret(SECRET.as_bytes());
    // What is public about a key makes no shared secret, whatever form it is written in.
    let public = jwk("ed", &ed(1), Algorithm::EdDSA);
    let x = public["x"].as_str().unwrap();
    let raw = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(x).unwrap());
    let text = EncodingKey::from_secret(public.to_string().as_bytes());
    for (head, key, why) in [
        (
            json!({ "alg": "HS256", "kid": "ed" }),
            &raw,
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "HS256", "kid": "ed" }),
            &text,
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "ed" }),
            &raw,
            AuthError::BadToken,
        ),
        (json!({ "alg": "HS384" }), &shared, AuthError::BadToken),
        (
            json!({ "alg": "ES256", "kid": "ed" }),
            &ed(1),
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "ec" }),
            &ec(1),
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "RS256", "kid": "ec" }),
            &ec(1),
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "ed" }),
            &ed(9),
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "../ed" }),
            &ed(1),
            AuthError::UnknownKey,
        ),
        (json!({ "alg": "EdDSA" }), &ed(1), AuthError::BadToken),
        (json!({ "alg": "none" }), &ed(1), AuthError::BadToken),
        (json!({ "kid": "ed" }), &ed(1), AuthError::BadToken),
        (
            json!({ "alg": "EdDSA", "kid": "ed", "crit": ["b64"], "b64": false }),
            &ed(1),
            AuthError::BadToken,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "ed", "typ": "dpop+jwt" }),
            &ed(1),
            AuthError::BadToken,
        ),
        // A key that the token brings along is nobody's.
        (
            json!({ "alg": "EdDSA", "kid": "x", "jwk": jwk("x", &ed(9), Algorithm::EdDSA) }),
            &ed(9),
            AuthError::UnknownKey,
        ),
        (
            json!({ "alg": "EdDSA", "kid": "x", "jku": "http://127.0.0.1/" }),
            &ed(9),
            AuthError::UnknownKey,
        ),
    ] {
        assert_eq!(
            ask(&sign(head.clone(), &good, key)).await,
            Err(why),
            "{head}"
        );
    }
}

#[tokio::test]
async fn the_shared_secret_is_for_one_algorithm() {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for (algorithm, good) in [
        (Algorithm::HS256, true),
        (Algorithm::HS384, false),
        (Algorithm::HS512, false),
    ] {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &claims(json!({})), &key);
        let caller = ask(&token.unwrap()).await;
        assert_eq!(caller.is_ok(), good, "{algorithm:?}");
    }
}

#[tokio::test]
async fn wrong_claims_are_refused_whoever_signed_them() {
    let times = now();
    for (change, why) in [
        (json!({ "exp": times - 60 }), AuthError::Expired),
        (json!({ "exp": null }), AuthError::WrongClaims),
        (json!({ "exp": "tomorrow" }), AuthError::WrongClaims),
        (json!({ "exp": -1 }), AuthError::WrongClaims),
        (json!({ "nbf": times + 600 }), AuthError::WrongClaims),
        (json!({ "nbf": "soon" }), AuthError::WrongClaims),
        (json!({ "aud": "else" }), AuthError::WrongClaims),
        (json!({ "aud": ["else"] }), AuthError::WrongClaims),
        (json!({ "aud": null }), AuthError::WrongClaims),
        (json!({ "aud": 7 }), AuthError::BadToken),
        (
            json!({ "iss": "https://else.example" }),
            AuthError::WrongClaims,
        ),
        (json!({ "iss": null }), AuthError::WrongClaims),
        (
            json!({ "iss": ["https://issuer.example"] }),
            AuthError::BadToken,
        ),
        (json!({ "sub": null }), AuthError::WrongClaims),
        (json!({ "sub": "me" }), AuthError::WrongClaims),
        (
            json!({ "sub": format!("{{{USER}}}") }),
            AuthError::WrongClaims,
        ),
        (
            json!({ "sub": USER.replace('-', "") }),
            AuthError::WrongClaims,
        ),
        (json!({ "sub": 7 }), AuthError::BadToken),
        (json!({ "role": "postgres" }), AuthError::WrongClaims),
        (json!({ "role": ["authenticated"] }), AuthError::BadToken),
        (json!({ "role": null }), AuthError::BadToken),
        (json!({ "role": "anon" }), AuthError::Anonymous),
        (json!({ "is_anonymous": true }), AuthError::Anonymous),
        (json!({ "is_anonymous": "true" }), AuthError::BadToken),
    ] {
        let verifier = verifier(true, Some("https://issuer.example"));
        let claims = claims(change.clone());
        for token in [
            hs(&claims),
            sign(json!({ "alg": "ES256", "kid": "ec" }), &claims, &ec(1)),
        ] {
            assert_eq!(ask_of(&verifier, &token, None).await, Err(why), "{change}");
        }
    }
    for change in [
        json!({ "exp": times - 5 }),
        json!({ "nbf": times + 5 }),
        json!({ "aud": ["else", "authenticated"] }),
    ] {
        let token = hs(&claims(change.clone()));
        assert_eq!(ask(&token).await, Ok(Caller::User(user())), "{change}");
    }
}
