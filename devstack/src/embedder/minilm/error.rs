//! What can go wrong between the wheel and the first vector.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why MiniLM is not running.
///
/// A developer reads it in a terminal, so it says what was being done.
#[derive(Debug)]
pub enum Error {
    /// A file or process could not be handled.
    Io {
        /// What was being done.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// A program ended with a failure.
    Command {
        /// The program.
        program: &'static str,
        /// The end of what it wrote to stderr.
        output: String,
    },
    /// A fetched file is not the one that this code was written for.
    Checksum {
        /// The file.
        file: PathBuf,
        /// Its SHA-256, in hexadecimal.
        found: String,
    },
    /// It was started and said nothing for a minute, or nothing that makes sense.
    NotReady,
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
            Self::Command { program, output } => write!(f, "{program} failed:\n{output}"),
            Self::Checksum { file, found } => {
                write!(f, "{} has an unexpected SHA-256, {found}", file.display())
            }
            Self::NotReady => f.write_str("embedder-minilm did not become ready"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Command { .. } | Self::Checksum { .. } | Self::NotReady => None,
        }
    }
}
