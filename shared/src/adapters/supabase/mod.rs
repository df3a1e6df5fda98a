//! Postgres, the only source of truth. All SQL that the service sends stands in this folder and in
//! `migrations/`.
//!
//! Contract: what a function here returned `Ok` for is committed. A failed call has written nothing,
//! but for [`ErrorKind::Timeout`](super::ErrorKind) and a connection lost in the middle, when it may
//! have: every statement is safe to send again. Everything works behind a transaction pooler.

mod connect;
mod context;
mod erasure;
mod error;
mod export;
mod halfvec;
mod jobs;
mod redactions;
mod sessions;
mod settle;
mod sweep;
mod transaction;
mod turns;

pub use self::context::{ContextQuery, Found};
pub use self::erasure::{Erased, ErasureBegun, ErasureRow, ErasureWork, LateErasure, Others};
pub use self::error::StoreError;
pub use self::export::{ExportCursor, ExportLine};
pub use self::jobs::{Attempt, Begun, Down, JobTurn, QueuedJob, Work};
pub use self::redactions::{SessionNumber, TurnFinding};
pub use self::sessions::{SessionCursor, SessionRow, SyncState, TurnRow, Turns};
pub use self::settle::{Done, Failed, Settled, Settlement, TurnVector};
pub use self::sweep::{LateJob, OverdueTable, Sweep, Upkeep};
pub use self::turns::{Recorded, Recording};

use tokio::sync::OnceCell;

use self::connect::LazyPool;
use self::halfvec::HalfvecTypes;
use crate::config;
use crate::domain::deadline::Deadline;

/// The pool and what is learnt once per process.
#[derive(Debug)]
pub struct Supabase {
    pool: LazyPool,
    halfvec: OnceCell<HalfvecTypes>,
}

impl Supabase {
    /// For the configured database. Connects to nothing yet.
    pub fn new(config: config::Database) -> Result<Self, config::ConfigError> {
        Ok(Self {
            pool: LazyPool::new(config)?,
            halfvec: OnceCell::new(),
        })
    }

    /// Checks the rest of the configuration, the trusted root, and readies what connects.
    pub fn prepare(&self) -> Result<(), config::ConfigError> {
        self.pool.get().map(drop)
    }

    /// Opens a connection ahead of its first use; a failure shows itself when it is used.
    pub async fn warm(&self, deadline: Deadline) {
        drop(self.connection(deadline).await);
        tracing::debug!("postgres ready");
    }

    /// Whether this instance has had an answer, as far as statements with vectors are concerned.
    pub fn was_reached(&self) -> bool {
        self.halfvec.initialized()
    }

    /// Sees to it that a statement with vectors, which comes soon, need not wait for a connection: a closed one is
    /// replaced. A failure shows itself in the statement.
    pub async fn ready(&self, deadline: Deadline) {
        if self.halfvec_types(deadline).await.is_ok() {
            drop(self.connection(deadline).await);
        }
    }

    /// The same, and learns what statements with vectors need to know.
    pub async fn warm_vectors(&self, deadline: Deadline) {
        drop(self.halfvec_types(deadline).await);
        tracing::debug!("postgres ready");
    }
}
