//! What can go wrong between the workspace and a running database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// An error of the private Postgres, its pooler or the migration runner.
///
/// A developer reads it in a terminal, so each variant says what was being done.
#[derive(Debug)]
pub enum Error {
    /// A file or process could not be handled.
    Io {
        /// What was being done, for example `create /somewhere`.
        doing: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A program ended with a failure.
    Command {
        /// The program and what it was for.
        program: String,
        /// The end of what it printed.
        output: String,
    },
    /// A database refused, or was not reached.
    Database {
        /// What was being done.
        doing: String,
        /// The cause.
        source: tokio_postgres::Error,
    },
    /// The TLS settings could not be used.
    Tls(native_tls::Error),
    /// A certificate could not be made.
    Certificate(openssl::error::ErrorStack),
    /// The migrations cannot be applied as they are.
    Migration(String),
    /// This machine lacks something; the text says what would help.
    Unavailable(String),
}

impl Error {
    pub(crate) fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io {
            doing: doing.into(),
            source,
        }
    }

    /// An I/O error about one path.
    pub(crate) fn at(verb: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let doing = format!("{verb} {}", path.display());
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn database(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Database { doing, source }
    }

    /// The SQLSTATE of a database error.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&tokio_postgres::error::SqlState> {
        match self {
            Self::Database { source, .. } => source.code(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "could not {doing}: {source}"),
            Self::Command { program, output } => write!(f, "{program} failed:\n{output}"),
            Self::Database { doing, source } => {
                write!(f, "could not {doing}: {source}")?;
                // tokio-postgres keeps the server's own words in the source.
                if let Some(db) = source.as_db_error() {
                    write!(f, ": {} ({})", db.message(), db.code().code())?;
                    if let Some(at) = db.where_() {
                        write!(f, "\n{at}")?;
                    }
                }
                Ok(())
            }
            Self::Tls(source) => write!(f, "could not set up TLS: {source}"),
            Self::Certificate(source) => write!(f, "could not make a certificate: {source}"),
            Self::Migration(text) | Self::Unavailable(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Database { source, .. } => Some(source),
            Self::Tls(source) => Some(source),
            Self::Certificate(source) => Some(source),
            Self::Command { .. } | Self::Migration(_) | Self::Unavailable(_) => None,
        }
    }
}

impl From<openssl::error::ErrorStack> for Error {
    fn from(source: openssl::error::ErrorStack) -> Self {
        Self::Certificate(source)
    }
}

/// Reads a whole text file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(Error::at("read", path))
}

/// Creates a folder and its parents.
pub(crate) fn create_dir(path: &Path) -> Result<PathBuf, Error> {
    std::fs::create_dir_all(path).map_err(Error::at("create", path))?;
    path.canonicalize().map_err(Error::at("find", path))
}
