//! A JSON Web Key Set (RFC 7517), as far as access tokens are signed by its keys.
//!
//! A key that we cannot or should not use is left out, and the others stand: an issuer may publish more than we know of.
//! Left out are keys without a `kid`, those for encryption, symmetric ones (a set is public: a secret in it is none), RSA
//! below 2048 bits, every curve but P-256 and Ed25519, and points of small order.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// More keys than an issuer has; what comes after them is not looked at.
const MOST_KEYS: usize = 32;

/// The longest name of a key that we take for one.
const LONGEST_KID: usize = 256;

/// The bytes of an RSA modulus, 2048 to 4096 bits: below it is weak, above it costs too much to check.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// The bytes of a coordinate of P-256, and of a key of Ed25519.
const COORDINATE_BYTES: usize = 32;

type Coordinate = [u8; COORDINATE_BYTES];

/// The points of Ed25519 whose order divides 8, by their `y` (little-endian; the sign of `x` stands in the highest bit and
/// makes no difference): under such a key a signature that anybody can make is good for at least one message in eight. The
/// last two are 0 and 1 written another way.
///
/// Source: Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs" (2020), table 1; libsodium's
/// `ge25519_has_small_order` has the same list.
const SMALL_ORDER: [Coordinate; 7] = [
    with(0x00, 0x00, 0x00),
    with(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    with(0xec, 0xff, 0x7f),
    with(0xed, 0xff, 0x7f),
    with(0xee, 0xff, 0x7f),
];

/// A coordinate of bytes that are alike but for the first and the last.
const fn with(first: u8, middle: u8, last: u8) -> Coordinate {
    let mut y = [middle; COORDINATE_BYTES];
    y[0] = first;
    y[COORDINATE_BYTES - 1] = last;
    y
}

/// A key, and the one algorithm that it is for.
#[derive(Debug)]
pub(in crate::auth) struct Key {
    kid: String,
    /// What a token must be signed with.
    pub(in crate::auth) algorithm: Algorithm,
    /// What it is checked with.
    pub(in crate::auth) key: DecodingKey,
}

/// The keys that an issuer has published.
#[derive(Debug, Default)]
pub(in crate::auth) struct Keys(Vec<Key>);

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Option<Vec<String>>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
}

impl Keys {
    /// Reads a set; nothing when it is none. One without a usable key is one: a project that signs with a shared secret
    /// has it so.
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        let set: Set = serde_json::from_slice(json).ok()?;
        let keys = set.keys.into_iter().take(MOST_KEYS);
        Some(Self(keys.filter_map(Key::read).collect()))
    }

    /// The keys of this name. An issuer should have one, but RFC 7517 lets keys of different types share it.
    pub(in crate::auth) fn named(&self, kid: &str) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| key.kid == kid)
    }

    /// The name and the algorithm of each.
    pub(super) fn names(&self) -> Vec<(String, Algorithm)> {
        let name = |key: &Key| (key.kid.clone(), key.algorithm);
        self.0.iter().map(name).collect()
    }

    /// Whether there is one.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.named(kid).next().is_some()
    }
}

impl Key {
    fn read(jwk: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk).ok()?;
        let checks = jwk.purpose.as_deref().is_none_or(|use_| use_ == "sig")
            && jwk
                .key_ops
                .as_ref()
                .is_none_or(|all| all.iter().any(|one| one == "verify"));
        if !checks || !(1..=LONGEST_KID).contains(&jwk.kid.len()) {
            return None;
        }
        let (algorithm, name, key) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("EC", Some("P-256")) => (Algorithm::ES256, "ES256", jwk.ec()?),
            ("RSA", None) => (Algorithm::RS256, "RS256", jwk.rsa()?),
            ("OKP", Some("Ed25519")) => (Algorithm::EdDSA, "EdDSA", jwk.ed()?),
            _ => return None,
        };
        if jwk.alg.as_deref().is_some_and(|alg| alg != name) {
            return None;
        }
        let kid = jwk.kid;
        Some(Self {
            kid,
            algorithm,
            key,
        })
    }
}

impl Jwk {
    fn ec(&self) -> Option<DecodingKey> {
        let (x, y) = (self.x.as_deref()?, self.y.as_deref()?);
        if bytes(x)?.len() != COORDINATE_BYTES || bytes(y)?.len() != COORDINATE_BYTES {
            return None;
        }
        DecodingKey::from_ec_components(x, y).ok()
    }

    fn rsa(&self) -> Option<DecodingKey> {
        let (n, e) = (bytes(self.n.as_deref()?)?, bytes(self.e.as_deref()?)?);
        let first = n.iter().position(|byte| *byte != 0)?;
        MODULUS_BYTES
            .contains(&(n.len() - first))
            .then(|| DecodingKey::from_rsa_raw_components(&n, &e))
    }

    fn ed(&self) -> Option<DecodingKey> {
        let x = self.x.as_deref()?;
        // The library takes the first 32 bytes of whatever it is given, and panics when there are fewer.
        let mut y = Coordinate::try_from(bytes(x)?).ok()?;
        y[COORDINATE_BYTES - 1] &= 0x7f;
        (!SMALL_ORDER.contains(&y))
            .then(|| DecodingKey::from_ed_components(x).ok())
            .flatten()
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(bytes: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![7; bytes])
    }

    fn ec(change: Value) -> Value {
        let mut jwk = json!({
            "kty": "EC", "kid": "a", "crv": "P-256", "alg": "ES256", "use": "sig",
            "key_ops": ["verify"], "ext": true, "x": text(32), "y": text(32),
        });
        for (name, value) in change.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    }

    fn rsa(bytes: usize) -> Value {
        json!({ "kty": "RSA", "kid": "a", "alg": "RS256", "n": text(bytes), "e": "AQAB" })
    }

    fn ed(bytes: usize) -> Value {
        json!({ "kty": "OKP", "kid": "a", "crv": "Ed25519", "x": text(bytes) })
    }

    fn read(jwks: &[Value]) -> Keys {
        Keys::read(json!({ "keys": jwks }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_key_has_the_algorithm_of_its_kind() {
        for (jwk, algorithm) in [
            (ec(json!({})), Algorithm::ES256),
            (rsa(256), Algorithm::RS256),
            (rsa(512), Algorithm::RS256),
            (ed(32), Algorithm::EdDSA),
        ] {
            let keys = read(std::slice::from_ref(&jwk));
            let found: Vec<_> = keys.named("a").map(|key| key.algorithm).collect();
            assert_eq!(found, [algorithm], "{jwk}");
            assert!(!keys.has("b"));
        }
    }

    #[test]
    fn what_is_no_good_is_left_out_and_the_rest_stands() {
        for jwk in [
            ec(json!({ "kid": null })),
            ec(json!({ "kid": "" })),
            ec(json!({ "kid": "k".repeat(LONGEST_KID + 1) })),
            ec(json!({ "kid": 7 })),
            ec(json!({ "use": "enc" })),
            ec(json!({ "key_ops": ["sign"] })),
            ec(json!({ "alg": "HS256" })),
            ec(json!({ "alg": "none" })),
            ec(json!({ "crv": "P-384" })),
            ec(json!({ "crv": "secp256k1" })),
            ec(json!({ "x": text(31) })),
            ec(json!({ "y": text(48) })),
            ec(json!({ "y": null })),
            rsa(128),
            rsa(1024),
            ed(31),
            ed(57),
            json!({ "kty": "oct", "kid": "a", "alg": "HS256", "k": text(32) }),
            json!("a"),
            json!(null),
        ] {
            let mut good = ec(json!({}));
            good["kid"] = json!("good");
            let keys = read(&[jwk.clone(), good]);
            assert_eq!(keys.0.len(), 1, "{jwk}");
            assert!(keys.has("good"));
        }
    }

    #[test]
    fn a_key_under_which_anybody_can_sign_is_left_out() {
        for point in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut x = point;
                x[31] |= sign;
                let mut jwk = ed(32);
                jwk["x"] = json!(URL_SAFE_NO_PAD.encode(x));
                assert!(!read(std::slice::from_ref(&jwk)).has("a"), "{jwk}");
                // One like it stands.
                x[15] ^= 1;
                jwk["x"] = json!(URL_SAFE_NO_PAD.encode(x));
                assert!(read(&[jwk]).has("a"));
            }
        }
    }

    #[test]
    fn what_is_no_set_is_told_from_one_without_keys() {
        assert!(Keys::read(b"{\"keys\":[]}").is_some());
        for text in ["", "[]", "{}", "<html>", "{\"keys\":{}}", "\u{0}"] {
            assert!(Keys::read(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn keys_may_share_a_name_and_there_is_an_end_to_them() {
        assert_eq!(read(&[ec(json!({})), ed(32)]).named("a").count(), 2);
        let many = vec![ec(json!({})); MOST_KEYS + 1];
        assert_eq!(read(&many).named("a").count(), MOST_KEYS);
    }
}
