//! What the sweeper takes, and how the adapters fare.

use serde::Deserialize;
use tokio_postgres::types::{Json, Type};
use uuid::Uuid;

use super::error::{malformed, one};
use super::jobs::Down;
use super::transaction::Actor;
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::job::JobAdapter;

const BEGIN: &str = "
select memories.begin_sweep($1, $2, $3)";

const END: &str = "
select memories.end_sweep()";

const OPEN_CIRCUITS: &str = "
select memories.open_circuits()";

const TEND: &str = "
select memories.tend_large_users()";

/// A sweep that has begun.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sweep {
    /// Another one runs, so this one has nothing.
    pub busy: bool,
    /// The jobs that were not finished in time.
    pub jobs: Vec<LateJob>,
    /// Turns whose job had been lost, and that have a new one now.
    pub adopted: u32,
}

/// A job that was not finished in time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LateJob {
    /// Which queue.
    pub adapter: JobAdapter,
    /// Whose.
    pub user_id: Uuid,
    /// Its id in the queue.
    pub id: i64,
    /// How many sweeps have taken it, with this one.
    pub sweeps: u32,
}

/// How the tables and indexes fare; looked at once an hour.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Upkeep {
    /// Very large users' indexes that nobody builds.
    pub to_build: Vec<String>,
    /// Such indexes that nobody needs any more and nobody drops.
    pub to_drop: Vec<String>,
    /// Tables of which an index alone no longer answers a query.
    pub vacuum: Vec<OverdueTable>,
}

/// A table that a vacuum is overdue for.
#[derive(Debug, Deserialize)]
pub struct OverdueTable {
    /// Its name.
    pub table: String,
}

impl Supabase {
    /// Takes at most `batch` late jobs of each adapter, for `seconds`; nobody else sweeps meanwhile.
    pub async fn begin_sweep(
        &self,
        adapters: &[&str],
        batch: i32,
        seconds: i32,
        deadline: Deadline,
    ) -> Result<Sweep, StoreError> {
        let rows = self
            .transact(
                "begin_sweep",
                Actor::Sweeper,
                BEGIN,
                &[
                    (&adapters, Type::TEXT_ARRAY),
                    (&batch, Type::INT4),
                    (&seconds, Type::INT4),
                ],
                deadline,
            )
            .await?;
        let row = one(&rows)?;
        let Json(sweep) = row.try_get(0).map_err(malformed)?;
        Ok(sweep)
    }

    /// Lets the next sweep begin.
    pub async fn end_sweep(&self, deadline: Deadline) -> Result<(), StoreError> {
        self.transact("end_sweep", Actor::Sweeper, END, &[], deadline)
            .await
            .map(drop)
    }

    /// Has very large users' indexes built or dropped where the database can do so by itself, and
    /// says what it cannot. Nothing when it was looked at within the hour.
    pub async fn tend_large_users(&self, deadline: Deadline) -> Result<Option<Upkeep>, StoreError> {
        let rows = self
            .transact("tend_large_users", Actor::Sweeper, TEND, &[], deadline)
            .await?;
        let row = one(&rows)?;
        let upkeep: Option<Json<Upkeep>> = row.try_get(0).map_err(malformed)?;
        Ok(upkeep.map(|Json(upkeep)| upkeep))
    }

    /// Whether the database answers, and which adapters are known to be down.
    pub async fn open_circuits(&self, deadline: Deadline) -> Result<Down, StoreError> {
        let rows = self
            .transact(
                "open_circuits",
                Actor::Sweeper,
                OPEN_CIRCUITS,
                &[],
                deadline,
            )
            .await?;
        let row = one(&rows)?;
        let Json(down) = row.try_get(0).map_err(malformed)?;
        Ok(down)
    }
}
