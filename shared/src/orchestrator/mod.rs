//! The intents. Each takes what was read from the request and the tenant, and goes the same way:
//! write or read what matters in one round trip, then do what may fail without harm, then report.

mod app;
mod backfill_session;
pub mod cache;
mod erase;
mod export;
mod fetch_context;
mod jobs;
mod publish;
mod rate_limit;
mod read_sessions;
mod record_turns;
mod report;
mod rest;
mod sync_session;

pub use self::app::{App, Needs};
pub use self::backfill_session::backfill_session;
pub use self::erase::{erase_memory, erase_session, list_erasures};
pub use self::export::export_memory;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::export::read_cursor as read_export_cursor;
pub use self::fetch_context::{context_deadline, fetch_context};
pub use self::jobs::{give_up_job, sweep, work_erasure, work_job};
pub use self::rate_limit::{RateLimits, Standing};
pub use self::read_sessions::{list_sessions, read_session};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::read_sessions::{read_session_cursor, read_turn_cursor};
pub use self::record_turns::record_turns;
pub use self::report::readiness;
pub use self::sync_session::sync_session;

use std::time::Duration;

use crate::adapters::supabase::StoreError;
use crate::contract::shape::Fault;
use crate::problem::Problem;

/// How long the database may take for anything but a context.
const DATABASE_DEADLINE: Duration = Duration::from_secs(3);

/// How long a publish may take: the job is durable already, so waiting longer buys nothing.
const PUBLISH_DEADLINE: Duration = Duration::from_millis(500);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::TurnConflict(places) => Self::TurnConflict(places),
            // Whoever records turns knows their places, and tells them.
            StoreError::TurnErased(_) => Self::TurnErased(Vec::new()),
            StoreError::UnknownTimeZone => Self::InvalidRequest(vec![Fault {
                pointer: "/timeZone".to_owned(),
                message: "is no time zone that the database knows".to_owned(),
            }]),
            StoreError::Adapter(error) => {
                use crate::adapters::ErrorKind;
                match error.kind {
                    ErrorKind::Unreachable
                    | ErrorKind::Timeout
                    | ErrorKind::Busy
                    | ErrorKind::Throttled => Self::Unavailable(error),
                    // Wrong credentials, a missing migration, a bug: waiting does not help.
                    ErrorKind::Denied | ErrorKind::Refused | ErrorKind::Malformed => {
                        Self::Internal(error.to_string())
                    }
                }
            }
        }
    }
}
