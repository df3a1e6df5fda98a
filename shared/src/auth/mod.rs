//! Who calls: a Supabase user, the team's server for a user, or QStash.

pub mod caller;
pub mod qstash_signature;

pub use self::caller::{Caller, Verifier};

/// Why a caller was refused. The caller reads [`AuthError::detail`]; the log has the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthError {
    /// No `authorization: Bearer …`.
    Missing,
    /// Not a token that our keys signed, or not a token at all.
    BadToken,
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
            Self::BadToken => "The token is not one that this deployment accepts.",
            Self::Expired => "The token has expired.",
            Self::WrongClaims => "The token is not meant for this deployment.",
            Self::Anonymous => "Anonymous users have no memory.",
            Self::NotTheService => "Only the service role may do this.",
            Self::NoUser => "With the service role, send `x-memory-user: <uuid>`.",
            Self::BadSignature => "The delivery is not signed by QStash for this address.",
        }
    }
}
