//! Key pairs, and tokens signed with them.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use serde_json::{Value, json};

/// A pair: the private half signs, the public one can be published.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    private: EncodingKey,
    jwk: Value,
    pem: Vec<u8>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.jwk)
    }
}

impl Key {
    /// P-256, Supabase's default.
    ///
    /// # Errors
    /// When OpenSSL cannot make one; the same for the others.
    pub fn es256(kid: &str) -> io::Result<Self> {
        Ok(Self::ec(kid, Nid::X9_62_PRIME256V1, 32)?)
    }

    /// P-384, which is not accepted anywhere.
    ///
    /// # Errors
    /// See [`Key::es256`].
    pub fn es384(kid: &str) -> io::Result<Self> {
        Ok(Self::ec(kid, Nid::SECP384R1, 48)?)
    }

    /// RSA of so many bits.
    ///
    /// # Errors
    /// See [`Key::es256`].
    pub fn rs256(kid: &str, bits: u32) -> io::Result<Self> {
        let rsa = Rsa::generate(bits)?;
        let jwk = json!({
            "kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig",
            "n": text(&rsa.n().to_vec()), "e": text(&rsa.e().to_vec()),
        });
        Ok(Self {
            algorithm: Algorithm::RS256,
            private: EncodingKey::from_rsa_der(&rsa.private_key_to_der()?),
            jwk,
            pem: rsa.public_key_to_pem()?,
        })
    }

    /// Ed25519.
    ///
    /// # Errors
    /// See [`Key::es256`].
    pub fn eddsa(kid: &str) -> io::Result<Self> {
        let pair = PKey::generate_ed25519()?;
        let jwk = json!({
            "kty": "OKP", "kid": kid, "alg": "EdDSA", "use": "sig", "crv": "Ed25519",
            "x": text(&pair.raw_public_key()?),
        });
        Ok(Self {
            algorithm: Algorithm::EdDSA,
            private: EncodingKey::from_ed_der(&pair.private_key_to_pkcs8()?),
            jwk,
            pem: pair.public_key_to_pem()?,
        })
    }

    fn ec(kid: &str, curve: Nid, bytes: i32) -> Result<Self, ErrorStack> {
        let group = EcGroup::from_curve_name(curve)?;
        let key = EcKey::generate(&group)?;
        let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
        let mut context = BigNumContext::new()?;
        key.public_key()
            .affine_coordinates(&group, &mut x, &mut y, &mut context)?;
        let (algorithm, name, crv) = match bytes {
            32 => (Algorithm::ES256, "ES256", "P-256"),
            _ => (Algorithm::ES384, "ES384", "P-384"),
        };
        let jwk = json!({
            "kty": "EC", "kid": kid, "alg": name, "use": "sig", "crv": crv,
            "x": text(&x.to_vec_padded(bytes)?), "y": text(&y.to_vec_padded(bytes)?),
        });
        let pair = PKey::from_ec_key(key)?;
        Ok(Self {
            algorithm,
            private: EncodingKey::from_ec_der(&pair.private_key_to_pkcs8()?),
            jwk,
            pem: pair.public_key_to_pem()?,
        })
    }

    /// What the key is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half, as it stands in a set.
    #[must_use]
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The public half as PEM.
    #[must_use]
    pub fn public_pem(&self) -> &[u8] {
        &self.pem
    }

    /// The header of the tokens that it signs.
    #[must_use]
    pub fn header(&self) -> Value {
        json!({ "alg": self.jwk["alg"], "kid": self.jwk["kid"], "typ": "JWT" })
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, claims: &Value) -> jsonwebtoken::errors::Result<String> {
        self.sign_under(&self.header(), &claims.to_string())
    }

    /// The same by another algorithm of its kind, well signed: RS512 or PS256 by RSA.
    ///
    /// # Errors
    /// See [`Key::sign`].
    pub fn sign_as(
        &self,
        algorithm: Algorithm,
        claims: &Value,
    ) -> jsonwebtoken::errors::Result<String> {
        let mut header = Header::new(algorithm);
        header.kid = self.jwk["kid"].as_str().map(str::to_owned);
        jsonwebtoken::encode(&header, claims, &self.private)
    }

    /// A token with any header over any text, signed all the same: what a test needs to be refused.
    ///
    /// # Errors
    /// See [`Key::sign`].
    pub fn sign_under(&self, header: &Value, claims: &str) -> jsonwebtoken::errors::Result<String> {
        let message = format!(
            "{}.{}",
            text(header.to_string().as_bytes()),
            text(claims.as_bytes())
        );
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &self.private, self.algorithm)?;
        Ok(format!("{message}.{signature}"))
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
