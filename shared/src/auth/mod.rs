//! Who calls: a Supabase user, the team's server for a user, or QStash.
//!
//! ```text
//! caller -> what the headers say;  verifier -> which key a token is held against
//! jwks -> the issuer's public keys;  claims -> what a token must say, and who it makes its bearer
//! ```

pub mod caller;
mod claims;
mod jwks;
pub mod qstash_signature;
mod verifier;

pub use self::caller::Caller;
pub use self::jwks::published as published_keys;
pub use self::verifier::Verifier;
use crate::adapters;

/// Why a caller was refused. The caller reads [`AuthError::detail`]; the log has the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// No `authorization: Bearer …`.
    Missing,
    /// Not a token that our keys signed, or not a token at all.
    BadToken,
    /// It names a key that the issuer does not have, or had and took back.
    UnknownKey,
    /// The token was good once.
    Expired,
    /// Another audience, issuer or role, or a time that has not come.
    WrongClaims,
    /// An anonymous user.
    Anonymous,
    /// Only the service role may ask for this.
    NotTheService,
    /// The service role needs `x-memory-user` with a UUID.
    NoUser,
    /// A delivery without a good `upstash-signature`.
    BadSignature,
}

impl AuthError {
    /// What the caller may read.
    pub fn detail(self) -> &'static str {
        match self {
            Self::Missing => "Send `authorization: Bearer <Supabase access token>`.",
            // Which of the two it was is nothing that a forger should learn.
            Self::BadToken | Self::UnknownKey => {
                "The token is not one that this deployment accepts."
            }
            Self::Expired => "The token has expired.",
            Self::WrongClaims => "The token is not meant for this deployment.",
            Self::Anonymous => "Anonymous users have no memory.",
            Self::NotTheService => "Only the service role may do this.",
            Self::NoUser => "With the service role, send `x-memory-user: <uuid>`.",
            Self::BadSignature => "The delivery is not signed by QStash for this address.",
        }
    }
}

/// Why nobody is known to call.
#[derive(Debug)]
pub enum Unverified {
    /// The token is no good.
    Refused(AuthError),
    /// It may be good: its issuer's keys could not be had, not once since the instance started.
    Unavailable(adapters::Error),
}

impl From<AuthError> for Unverified {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
    }
}
