//! The ports to everything outside: Postgres, QStash, the embeddings provider.
//!
//! An adapter's public functions take the tenant and a deadline; what they return says what the
//! other side did. They log nothing themselves: each call is a span.

pub mod embeddings;
pub mod http;
pub mod mem0;
pub mod supabase;
pub mod upstash;

use std::fmt;
use std::time::Duration;

/// The systems we speak to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapter {
    /// Postgres, the source of truth.
    Supabase,
    /// QStash.
    Upstash,
    /// The embeddings provider.
    Embeddings,
    /// Mem0.
    Mem0,
    /// Upstash Redis.
    Redis,
    /// Who signs the users' tokens, and publishes the keys.
    Issuer,
}

impl Adapter {
    /// As it stands in answers, spans and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Supabase => "supabase",
            Self::Upstash => "upstash",
            Self::Embeddings => "embeddings",
            Self::Mem0 => "mem0",
            Self::Redis => "redis",
            Self::Issuer => "issuer",
        }
    }

    /// As a sentence about it begins.
    pub fn display(self) -> &'static str {
        match self {
            Self::Supabase => "The database",
            Self::Upstash => "The queue",
            Self::Embeddings => "The embeddings provider",
            Self::Mem0 => "Mem0",
            Self::Redis => "The cache",
            Self::Issuer => "The issuer of the tokens",
        }
    }
}

/// How a call failed; decides whether the same call may succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No connection, or it broke.
    Unreachable,
    /// The deadline passed.
    Timeout,
    /// The other side is busy or down and says so (5xx, too many connections).
    Busy,
    /// The other side wants fewer calls (429).
    Throttled,
    /// The other side does not accept our credentials, or our account: nothing will work until
    /// somebody changes that.
    Denied,
    /// The other side understood and refused this call: a bad request, a bug of ours.
    Refused,
    /// The other side answered something that is not its contract.
    Malformed,
}

impl ErrorKind {
    /// Whether what was sent may be to blame, so that the attempt counts. Nobody's turn is given up
    /// because a key was wrong, a limit reached or a network cut.
    pub fn may_be_the_turns_fault(self) -> bool {
        match self {
            Self::Timeout | Self::Busy | Self::Refused | Self::Malformed => true,
            Self::Unreachable | Self::Throttled | Self::Denied => false,
        }
    }

    /// Whether the other side may be to blame, so that it is counted against it.
    pub fn may_be_an_outage(self) -> bool {
        self != Self::Refused
    }

    /// The stable name that is stored with a job's attempt and stands in spans.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }
}

/// A failed call to an adapter. `detail` is for the log: a SQLSTATE, a status, a transport error,
/// never a user's text, a token or a URL with credentials.
#[derive(Debug)]
pub struct Error {
    /// Whose call it was.
    pub adapter: Adapter,
    /// What sort of failure.
    pub kind: ErrorKind,
    /// For the log.
    pub detail: String,
    /// When the other side named a time to wait.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error without a named time to wait.
    pub fn new(adapter: Adapter, kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self {
            adapter,
            kind,
            detail: detail.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.adapter.name(),
            self.kind.code(),
            self.detail
        )
    }
}

impl std::error::Error for Error {}
