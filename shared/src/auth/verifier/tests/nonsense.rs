//! What no issuer would publish and no client would send.

use super::*;

#[tokio::test]
async fn a_key_that_makes_no_sense_lets_nobody_in_and_hurts_nothing() {
    let text = |byte: u8, bytes: usize| URL_SAFE_NO_PAD.encode(vec![byte; bytes]);
    let point =
        |x: String, y: String| json!({ "kty": "EC", "crv": "P-256", "kid": "a", "x": x, "y": y });
    let rsa = |n: String, e: &str| json!({ "kty": "RSA", "kid": "a", "n": n, "e": e });
    let good = claims(json!({}));
    for key in [
        // Off the curve, beyond its field, at its infinity.
        point(text(1, 32), text(1, 32)),
        point(text(255, 32), text(255, 32)),
        point(text(0, 32), text(0, 32)),
        // An even modulus, and exponents of 0, 1, 2, nothing, and more than the modulus.
        rsa(text(2, 256), "AQAB"),
        rsa(text(3, 256), "AA"),
        rsa(text(3, 256), "AQ"),
        rsa(text(3, 256), "Ag"),
        rsa(text(3, 256), ""),
        rsa(text(3, 256), &text(255, 300)),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": text(2, 32) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": text(255, 32) }),
        // Points of small order: by the arithmetic of RFC 8032 zeros sign one message in four, and every message.
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": text(0, 32) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "a", "x": format!("AQ{}", "A".repeat(41)) }),
    ] {
        let verifier = Verifier {
            jwks: Some(Jwks::publishing(json!({ "keys": [key] }).to_string())),
            ..verifier(false, None)
        };
        for (alg, signature) in [("ES256", 64), ("RS256", 256), ("EdDSA", 64)] {
            for byte in [0, 1, 255] {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let head = part(&json!({ "alg": alg, "kid": "a" }));
                let token = format!("{head}.{}.{}", part(&good), text(byte, signature));
                assert!(
                    ask_of(&verifier, &token, None).await.is_err(),
                    "{alg} {key}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_changed_anywhere_is_another_and_not_good() {
    let verifier = verifier(true, None);
    let good = claims(json!({}));
    let tokens = [
        hs(&good),
        sign(json!({ "alg": "EdDSA", "kid": "ed" }), &good, &ed(1)),
        sign(json!({ "alg": "ES256", "kid": "ec" }), &good, &ec(1)),
    ];
    // Numbers that look like chance, and are the same in each run.
    let mut state = 7_u64;
    let mut below = |end: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % end
    };
    for turn in 0..3000 {
        let whole = &tokens[turn % 3];
        let mut token = whole.clone().into_bytes();
        for _ in 0..=below(3) {
            let (at, byte) = (below(token.len()), b"A.-_=+/{\"z9 \t"[below(13)]);
            match below(4) {
                0 => token.truncate(at.max(1)),
                1 => token.insert(at, byte),
                2 => token
                    .splice(at..at, whole.bytes().take(below(80)))
                    .for_each(drop),
                _ => token[at] = byte,
            }
        }
        let token = String::from_utf8(token).unwrap();
        if token.trim() != whole {
            assert!(ask_of(&verifier, &token, None).await.is_err(), "{token}");
        }
    }
}
