//! What can go wrong before Redis runs.

use std::{fmt, io};

/// Why Redis could not be started. A developer reads it in a terminal.
#[derive(Debug)]
pub enum Error {
    /// A file, a socket or a process could not be handled.
    Io {
        /// What was being done, for example `start redis-server`.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// This machine lacks something; the text says what would help.
    Unavailable(String),
    /// The server does not run as it should; the text has what it logged.
    Failed(String),
}

impl Error {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "could not {doing}: {source}"),
            Self::Unavailable(text) | Self::Failed(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Unavailable(_) | Self::Failed(_) => None,
        }
    }
}
