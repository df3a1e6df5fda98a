//! What a database error means. Told by SQLSTATE, never by wording; the server's message is not
//! kept, since it may quote a user's data.

use std::future::Future;

use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::super::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;

/// How a statement of ours ended when it did not succeed.
#[derive(Debug)]
pub enum StoreError {
    /// No such session or job, or another user's.
    NotFound,
    /// Known turns with another body; their places in the request, from 0.
    TurnConflict(Vec<usize>),
    /// Turns that were erased; our ids of them.
    TurnErased(Vec<Uuid>),
    /// A time zone that the database does not know.
    UnknownTimeZone,
    /// The database itself.
    Adapter(Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Adapter(error)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// The codes beginning with MO are raised by our own functions, in `migrations/`.
    fn from(error: tokio_postgres::Error) -> Self {
        match error
            .as_db_error()
            .map(|cause| (cause.code().code(), cause.detail()))
        {
            Some(("MO404", _)) => Self::NotFound,
            Some(("MO409", detail)) => {
                let places = serde_json::from_str(detail.unwrap_or("[]"));
                Self::TurnConflict(places.unwrap_or_default())
            }
            Some(("MO410", detail)) => {
                let ids = serde_json::from_str(detail.unwrap_or("[]"));
                Self::TurnErased(ids.unwrap_or_default())
            }
            // What `at time zone` raises; no other statement of ours can.
            Some(("22023", _)) => Self::UnknownTimeZone,
            _ => Self::Adapter(classify(&error)),
        }
    }
}

/// Whether the same statement may simply be sent again: the connection was lost, or another
/// transaction got in its way.
pub(super) fn is_passing(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            *code == SqlState::UNIQUE_VIOLATION
                || *code == SqlState::T_R_SERIALIZATION_FAILURE
                || *code == SqlState::T_R_DEADLOCK_DETECTED
                || kind_of(code) == ErrorKind::Unreachable
        }
        None => classify(error).kind == ErrorKind::Unreachable,
    }
}

/// The adapter's error for a driver's one.
pub(super) fn classify(error: &tokio_postgres::Error) -> Error {
    let (kind, detail) = match error.as_db_error() {
        Some(cause) => {
            let code = cause.code();
            let place = cause.constraint().or(cause.routine()).unwrap_or("-");
            (
                kind_of(code),
                format!("SQLSTATE {} at {place}", code.code()),
            )
        }
        // The driver's own message names the step that failed and quotes nothing.
        None => {
            let source = std::error::Error::source(error);
            let cause = source.map(|cause| format!(": {cause}")).unwrap_or_default();
            (ErrorKind::Unreachable, format!("{error}{cause}"))
        }
    };
    Error::new(Adapter::Supabase, kind, detail)
}

fn kind_of(code: &SqlState) -> ErrorKind {
    match (code.code(), &code.code()[..2.min(code.code().len())]) {
        ("57014", _) => ErrorKind::Timeout,
        // Shutting down, crashed, or starting: another connection may do.
        ("57P01" | "57P02" | "57P03", _) | (_, "08") => ErrorKind::Unreachable,
        (_, "53" | "40" | "55") => ErrorKind::Busy,
        _ => ErrorKind::Refused,
    }
}

/// Runs a call of the driver before a deadline.
pub(super) async fn within<T>(
    deadline: Deadline,
    call: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout_at(deadline.instant(), call).await {
        Ok(result) => result.map_err(|error| classify(&error)),
        Err(_) => Err(late()),
    }
}

/// The deadline passed.
pub(super) fn late() -> Error {
    Error::new(
        Adapter::Supabase,
        ErrorKind::Timeout,
        "no answer before the deadline",
    )
}

/// A row that is not what the statement promises.
pub(super) fn malformed(detail: impl std::fmt::Display) -> StoreError {
    StoreError::Adapter(Error::new(
        Adapter::Supabase,
        ErrorKind::Malformed,
        detail.to_string(),
    ))
}

/// The row of a statement that always has one.
pub(super) fn one(rows: &[tokio_postgres::Row]) -> Result<&tokio_postgres::Row, StoreError> {
    rows.first().ok_or_else(|| malformed("no row"))
}
