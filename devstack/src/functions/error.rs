//! What can go wrong between the source and a function that answers.

use std::{fmt, io};

/// An error of the build, the emulator or a function's process; a developer reads it in a terminal.
#[derive(Debug)]
pub enum Error {
    /// A file or process could not be handled.
    Io {
        /// What was being done, for example `start lambda-turns`.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// A program ended with a failure; it printed its reason to stderr.
    Failed(String),
    /// A function did not start; the text ends with its log.
    NotReady(String),
    /// No such function, or no build of it; the text says which.
    Unknown(String),
    /// This machine cannot do it; the text says why.
    Unavailable(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "could not {doing}: {source}"),
            Self::Failed(text)
            | Self::NotReady(text)
            | Self::Unknown(text)
            | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Failed(_) | Self::NotReady(_) | Self::Unknown(_) | Self::Unavailable(_) => None,
        }
    }
}
