//! Who may call: what a token must be like, and from which pages a browser may bring one.

use reqwest::Url;

use super::{ConfigError, Secret, Source, env, fault};

/// What a caller's token must be like. There is a secret, or an address of keys, or both.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For HS256.
    pub secret: Option<Secret>,
    /// Where the public keys stand, as a JSON Web Key Set (RFC 7517).
    pub jwks_url: Option<String>,
    /// `aud` of a user's token.
    pub audience: String,
    /// `iss` of a user's token, when it matters.
    pub issuer: Option<String>,
}

/// The origins whose pages may call, as a browser writes them (`https://app.example.com`). None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cors(pub Vec<String>);

/// Where a Supabase project has its keys. Source: Supabase, "JWT Signing Keys".
const KEYS_OF_A_PROJECT: &str = "/auth/v1/.well-known/jwks.json";

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn tokens(&self) -> Result<Tokens, ConfigError> {
        let secret = self.get(env::SUPABASE_JWT_SECRET);
        // Signed with a public key for a secret, anybody's token would be good.
        if secret
            .as_deref()
            .is_some_and(|text| text.starts_with("-----BEGIN") || text.starts_with('{'))
        {
            let what = "is a key of a pair, not a shared secret";
            return Err(fault(env::SUPABASE_JWT_SECRET, what));
        }
        let jwks_url = self.jwks_url()?;
        if secret.is_none() && jwks_url.is_none() {
            let what = "is missing, and so is SUPABASE_JWKS_URL";
            return Err(fault(env::SUPABASE_JWT_SECRET, what));
        }
        Ok(Tokens {
            secret: secret.map(Secret::new),
            jwks_url,
            audience: self.or(env::SUPABASE_JWT_AUDIENCE, "authenticated"),
            issuer: self.get(env::SUPABASE_JWT_ISSUER),
        })
    }

    fn jwks_url(&self) -> Result<Option<String>, ConfigError> {
        let url = if self.get(env::SUPABASE_JWKS_URL).is_some() {
            self.safe_url(env::SUPABASE_JWKS_URL)?
        } else if self.get(env::SUPABASE_URL).is_some() {
            self.safe_url(env::SUPABASE_URL)? + KEYS_OF_A_PROJECT
        } else {
            return Ok(None);
        };
        Ok(Some(url))
    }

    /// Who can change what comes over the wire could put keys of his own there.
    fn safe_url(&self, variable: env::Variable) -> Result<String, ConfigError> {
        let text = self.url(variable, "")?;
        match Url::parse(&text) {
            Ok(url) if url.scheme() == "https" || is_loopback(&url) => Ok(text),
            _ => Err(fault(variable, "is not https, and not of this machine")),
        }
    }

    /// What keyed hashes are made with. The last resort is always there, and secret.
    pub(super) fn hash_secret(&self) -> Result<Secret, ConfigError> {
        self.get(env::MEMORY_HASH_SECRET)
            .or_else(|| self.get(env::SUPABASE_JWT_SECRET))
            .map_or_else(|| self.required(env::DATABASE_URL), Ok)
            .map(Secret::new)
    }

    pub(super) fn cors(&self) -> Result<Cors, ConfigError> {
        let text = self.or(env::MEMORY_CORS_ORIGINS, "");
        let words = text.split(',').map(str::trim);
        let origins = words.filter(|word| !word.is_empty()).map(origin);
        origins.collect::<Option<_>>().map(Cors).ok_or_else(|| {
            fault(
                env::MEMORY_CORS_ORIGINS,
                "names something that is no origin",
            )
        })
    }
}

/// An origin is compared with a browser's text, so it has to be written as a browser does. Neither `*` nor `null` is one:
/// the pages that may speak for a user are known.
fn origin(word: &str) -> Option<String> {
    let url = Url::parse(word).ok().filter(|_| !word.contains('*'))?;
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    let written = url.origin().ascii_serialization();
    (safe && written == word).then_some(written)
}

fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from(|name| {
            let mut all = set.iter().chain(&[("DATABASE_URL", "postgres://hush")]);
            all.find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_secret_or_keys_are_needed_and_both_may_be() {
        let error = read(&[]).unwrap_err();
        assert_eq!(error.variable, "SUPABASE_JWT_SECRET");
        assert!(error.fault.starts_with("is missing"), "{error}");
        let secret = ("SUPABASE_JWT_SECRET", "s");
        let keys = ("SUPABASE_JWKS_URL", "https://issuer.example/keys");
        assert!(read(&[secret]).unwrap().tokens.jwks_url.is_none());
        assert!(read(&[keys]).unwrap().tokens.secret.is_none());
        assert!(read(&[secret, keys]).unwrap().tokens.jwks_url.is_some());
    }

    #[test]
    fn a_projects_keys_stand_below_its_url() {
        let config = read(&[("SUPABASE_URL", "https://ref.supabase.co/")]).unwrap();
        let url = "https://ref.supabase.co/auth/v1/.well-known/jwks.json";
        assert_eq!(config.tokens.jwks_url.as_deref(), Some(url));
    }

    #[test]
    fn keys_do_not_come_over_an_open_wire() {
        for (url, good) in [
            ("https://issuer.example/keys", true),
            ("http://127.0.0.1:9/keys", true),
            ("http://localhost:9/keys", true),
            ("http://issuer.example/keys", false),
            ("http://127.0.0.1.example/keys", false),
            ("http://localhost@issuer.example/keys", false),
            ("file:///etc/passwd", false),
        ] {
            let read = read(&[("SUPABASE_JWKS_URL", url)]);
            assert_eq!(read.is_ok(), good, "{url}");
        }
    }

    #[test]
    fn a_public_key_is_no_shared_secret() {
        for text in ["-----BEGIN PUBLIC KEY-----\nhush", "{\"kty\":\"RSA\"}"] {
            let error = read(&[("SUPABASE_JWT_SECRET", text)]).unwrap_err();
            assert_eq!(error.variable, "SUPABASE_JWT_SECRET");
            assert!(!error.to_string().contains("hush"));
        }
    }

    #[test]
    fn hashes_have_a_secret_in_every_deployment() {
        let keys = ("SUPABASE_JWKS_URL", "https://issuer.example/keys");
        let secret = ("SUPABASE_JWT_SECRET", "s");
        let own = ("MEMORY_HASH_SECRET", "h");
        let hash = |set: &[(&str, &str)]| read(set).unwrap().hash_secret.expose().to_owned();
        assert_eq!(hash(&[keys]), "postgres://hush");
        assert_eq!(hash(&[keys, secret]), "s");
        assert_eq!(hash(&[keys, secret, own]), "h");
    }

    #[test]
    fn origins_are_exact() {
        let keys = ("SUPABASE_JWKS_URL", "https://issuer.example/keys");
        let cors = |text| read(&[keys, ("MEMORY_CORS_ORIGINS", text)]).map(|config| config.cors.0);
        assert_eq!(cors("").unwrap(), Vec::<String>::new());
        assert_eq!(
            cors("https://a.example, http://localhost:3000,").unwrap(),
            ["https://a.example", "http://localhost:3000"]
        );
        for text in [
            "*",
            "null",
            "a.example",
            "https://a.example/",
            "https://a.example:443",
            "https://*.example",
            "https://a.example/path",
            "http://a.example",
            "https://u:p@a.example",
            "HTTPS://a.example",
        ] {
            assert!(cors(text).is_err(), "{text}");
        }
    }
}
