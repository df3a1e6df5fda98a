//! Tokens that somebody made up, or brought to the wrong door. The deployment takes every kind of token that there is, so
//! that each wall is there to be climbed: three public keys, and a shared secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use black_box::{Deployment, on_own_deployments, run, sign};
use devstack::issuer::{Issuer, Key};
use devstack::stack::tokens;
use jsonwebtoken::Algorithm::{HS256, PS256, RS384, RS512};
use serde_json::{Value, json};

use super::claims;

/// The issuer's keys, and those of somebody who would like to be it.
pub(super) struct Keys {
    pub(super) es: Key,
    rs: Key,
    ed: Key,
    /// Published, and not good enough.
    weak: Key,
    other_curve: Key,
    /// The same names, other keys.
    forger: [Key; 3],
}

impl Keys {
    fn new() -> Self {
        Self {
            es: Key::es256("es").unwrap(),
            rs: Key::rs256("rs", 2048).unwrap(),
            ed: Key::eddsa("ed").unwrap(),
            weak: Key::rs256("weak", 1024).unwrap(),
            other_curve: Key::es384("other-curve").unwrap(),
            forger: [
                Key::es256("es").unwrap(),
                Key::rs256("rs", 2048).unwrap(),
                Key::eddsa("ed").unwrap(),
            ],
        }
    }

    fn publish(&self, issuer: &Issuer) {
        let good = [&self.es, &self.rs, &self.ed, &self.weak, &self.other_curve];
        let mut set: Vec<_> = good.iter().map(|key| key.jwk().clone()).collect();
        let secret = URL_SAFE_NO_PAD.encode(PUBLISHED_SECRET);
        set.push(json!({ "kty": "oct", "kid": "oct", "alg": "HS256", "k": secret }));
        let mut for_encryption = self.forger[0].jwk().clone();
        for_encryption["kid"] = json!("enc");
        for_encryption["use"] = json!("enc");
        set.push(for_encryption);
        issuer.publish_raw(set);
    }
}

const PUBLISHED_SECRET: &str = "a secret that everybody can read";

pub(super) const ISSUER: &str = "https://issuer.example/auth/v1";

pub(super) fn good() -> Value {
    claims(json!({ "iss": ISSUER }))
}

pub(super) fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// With another header than the key's.
fn under(key: &Key, change: Value) -> String {
    let mut header = key.header();
    for (name, value) in change.as_object().unwrap() {
        header[name] = value.clone();
    }
    header
        .as_object_mut()
        .unwrap()
        .retain(|_, it| !it.is_null());
    key.sign_under(&header, &good().to_string()).unwrap()
}

/// HS256 with any bytes for a secret.
fn keyed(secret: &[u8], kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "alg": "HS256", "typ": "JWT" });
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    let message = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, HS256).unwrap();
    format!("{message}.{signature}")
}

/// Signed by somebody else, or not at all.
fn forged(keys: &Keys) -> Vec<(String, String)> {
    let Keys { es, rs, ed, .. } = keys;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, token: String| all.push((name.to_owned(), token));

    for key in &keys.forger {
        add(
            &format!("a forger's {:?} under the issuer's name", key.algorithm()),
            key.sign(&good()).unwrap(),
        );
    }
    let x = |key: &Key, of: &str| {
        URL_SAFE_NO_PAD
            .decode(key.jwk()[of].as_str().unwrap())
            .unwrap()
    };
    for (name, secret, kid) in [
        (
            "a public key's PEM for a secret",
            rs.public_pem().to_vec(),
            Some("rs"),
        ),
        ("the same without a name", rs.public_pem().to_vec(), None),
        (
            "the curve's PEM for a secret",
            es.public_pem().to_vec(),
            Some("es"),
        ),
        (
            "the set's own text for a secret",
            es.jwk().to_string().into_bytes(),
            Some("es"),
        ),
        ("a modulus for a secret", x(rs, "n"), Some("rs")),
        ("a public key's bytes for a secret", x(ed, "x"), Some("ed")),
        ("nothing for a secret", Vec::new(), None),
        (
            "nothing for a secret, by a path",
            Vec::new(),
            Some("../../../../../dev/null"),
        ),
        (
            "a symmetric key of the set",
            PUBLISHED_SECRET.into(),
            Some("oct"),
        ),
    ] {
        add(name, keyed(&secret, kid, &good()));
    }

    let body = part(good().to_string());
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let header = part(json!({ "alg": alg, "kid": "es" }).to_string());
        add(
            &format!("alg {alg:?}, not signed"),
            format!("{header}.{body}."),
        );
        add(
            &format!("alg {alg:?}, signed"),
            under(es, json!({ "alg": alg })),
        );
    }
    for (name, key, change) in [
        ("RS256 by a curve", es, json!({ "alg": "RS256" })),
        ("ES256 by RSA", rs, json!({ "alg": "ES256" })),
        ("EdDSA by a curve", es, json!({ "alg": "EdDSA" })),
        ("another padding", rs, json!({ "alg": "PS256" })),
        ("another hash", rs, json!({ "alg": "RS512" })),
        ("HS256 by RSA", rs, json!({ "alg": "HS256" })),
        (
            "an algorithm that nobody knows",
            es,
            json!({ "alg": "ES256K" }),
        ),
        ("an algorithm that is a number", es, json!({ "alg": 256 })),
        ("no algorithm", es, json!({ "alg": null })),
        ("another key's name", es, json!({ "kid": "rs" })),
        ("a name that nobody has", es, json!({ "kid": "unknown" })),
        ("a path for a name", es, json!({ "kid": "../../es" })),
        ("a query for a name", es, json!({ "kid": "es' or '1'='1" })),
        (
            "a URL for a name",
            es,
            json!({ "kid": "http://127.0.0.1/es" }),
        ),
        ("a NUL in the name", es, json!({ "kid": "es\0" })),
        ("an empty name", es, json!({ "kid": "" })),
        ("a long name", es, json!({ "kid": "e".repeat(2000) })),
        ("a number for a name", es, json!({ "kid": 7 })),
        ("names in a list", es, json!({ "kid": ["es"] })),
        ("no name", es, json!({ "kid": null })),
        (
            "a key for encryption",
            &keys.forger[0],
            json!({ "kid": "enc" }),
        ),
        (
            "something critical that nobody knows",
            es,
            json!({ "crit": ["exp"] }),
        ),
        (
            "a body that is not encoded",
            es,
            json!({ "b64": false, "crit": ["b64"] }),
        ),
        ("another kind of token", es, json!({ "typ": "dpop+jwt" })),
        (
            "a key that it brings along",
            &keys.forger[0],
            json!({ "kid": "new", "jwk": keys.forger[0].jwk() }),
        ),
        (
            "an address of keys",
            &keys.forger[0],
            json!({ "kid": "new", "jku": "http://127.0.0.1:1/keys" }),
        ),
        (
            "an address of a certificate",
            &keys.forger[0],
            json!({ "kid": "new", "x5u": "http://127.0.0.1:1/" }),
        ),
        (
            "a certificate",
            &keys.forger[0],
            json!({ "kid": "new", "x5c": ["MIIB"] }),
        ),
    ] {
        add(name, under(key, change));
    }
    for algorithm in [RS384, RS512, PS256] {
        let token = rs.sign_as(algorithm, &good()).unwrap();
        add(&format!("{algorithm:?}, well signed by the issuer"), token);
    }
    add("RSA of 1024 bits", keys.weak.sign(&good()).unwrap());
    add("another curve", keys.other_curve.sign(&good()).unwrap());
    all
}

/// Sends each to both hosts, and good ones before and after.
pub(super) fn each_is_refused(tokens: impl Fn(&Keys) -> Vec<(String, String)>, least: usize) {
    let (issuer, keys) = (run(Issuer::start()).unwrap(), Keys::new());
    keys.publish(&issuer);
    on_own_deployments(
        |settings| {
            let mut set =
                |name: &str, value: &str| settings.env.insert(name.to_owned(), value.to_owned());
            set("SUPABASE_JWKS_URL", &issuer.jwks_url());
            set("SUPABASE_JWT_ISSUER", ISSUER);
        },
        async |deployment: &mut Deployment| {
            let get = async |token: &str| {
                let client = deployment.as_nobody().with_token(token);
                client.get("/api/sessions").await
            };
            // First and last, that it is not down that refuses them.
            let accepted = async || {
                for key in [&keys.es, &keys.rs, &keys.ed] {
                    get(&key.sign(&good()).unwrap()).await.is(200);
                }
                get(&sign(&good(), HS256)).await.is(200);
            };
            accepted().await;
            let tokens = tokens(&keys);
            assert!(tokens.len() >= least, "{}", tokens.len());
            let before = issuer.fetches();
            for (name, token) in tokens {
                eprintln!("{name}");
                get(&token).await.is_problem(401, "unauthorized");
            }
            // Both hosts ask the one issuer, a few times each.
            assert!(
                issuer.fetches() - before <= 8,
                "{}",
                issuer.fetches() - before
            );
            accepted().await;
        },
    );
}

#[test]
fn what_somebody_else_signed_is_refused() {
    each_is_refused(forged, 40);
}

#[test]
fn tokens_of_one_door_do_not_open_another() {
    let (issuer, keys) = (run(Issuer::start()).unwrap(), Keys::new());
    keys.publish(&issuer);
    on_own_deployments(
        |settings| {
            let url = issuer.jwks_url();
            settings.env.insert("SUPABASE_JWKS_URL".to_owned(), url);
        },
        async |deployment: &mut Deployment| {
            // A delivery's signature as an access token, even one that says what an access token does.
            let qstash = deployment.stack.qstash.signing_keys().current.clone();
            let token = tokens::sign(&qstash, &good(), HS256).unwrap();
            let client = deployment.as_nobody().with_token(token);
            let reply = client.get("/api/sessions").await;
            reply.is_problem(401, "unauthorized");
            // An access token as a delivery's signature, the service role's too.
            let delivery = json!({
                "iss": "Upstash", "sub": format!("{}/api/jobs/embed", deployment.stack.url),
                "role": "service_role",
            });
            let by_key = keys.es.sign(&claims(delivery.clone())).unwrap();
            let by_secret = sign(&claims(delivery), HS256);
            for token in [by_key, by_secret] {
                let client = deployment.as_nobody().with("upstash-signature", token);
                let reply = client.post("/api/jobs/embed", json!({})).await;
                reply.is_problem(401, "unauthorized");
            }
            // A user's token where only the service's counts.
            let user = deployment.as_somebody();
            let reply = user.post("/api/jobs/sweep", json!({})).await;
            reply.is_problem(401, "unauthorized");
        },
    );
}
