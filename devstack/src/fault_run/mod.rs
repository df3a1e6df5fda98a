//! A run in which everything goes wrong, and a verdict on what is left of it.
//!
//! Two deployments, one on each host, share one Postgres, one Mem0 and one Redis. Users send turns, edit
//! some, and repeat what was not answered. Meanwhile functions are killed, QStash and the providers fail,
//! replies are lost, and Postgres is cut off and restarted. Then the trouble ends, the sweeper drains what is
//! left, and the database and Mem0 are held against what the users have said.
//!
//! ```text
//! plan     -> who says what: the seed's, to the letter
//! chance   -> what happens to QStash's messages
//! trouble  -> what happens to processes, connections and servers
//! traffic  -> the users, who repeat until they are answered
//! verdict  -> what is lost, doubled, or given up without a reason
//! ```
//!
//! The seed decides the plan and the order of the faults, not the moment at which each strikes; so two runs of a
//! seed differ in their course, and may not differ in their verdict.

mod chance;
mod parts;
mod plan;
mod traffic;
mod trouble;
mod verdict;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;

pub use self::verdict::Verdict;

use self::{parts::Parts, plan::Plan, trouble::Troubles};
use crate::stack::Error;

/// How long the sweeper may take, once all trouble is over.
const DRAIN: Duration = Duration::from_secs(180);

/// Between two sweeps of the clock that stands for QStash's schedule and pg_cron's.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Decides who says what, and which faults come in which order.
    pub seed: u64,
    /// Turns to be recorded.
    pub turns: usize,
    /// Users that record them.
    pub users: usize,
    /// Whether QStash is there at all.
    pub qstash: bool,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// The stack is being started.
    Starting,
    /// So many turns were acknowledged.
    Recorded(usize),
    /// The trouble is over; so many turns and adapters still wait.
    Draining(i64),
}

/// A run's outcome.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The same for the same seed.
    pub verdict: Verdict,
    /// How often each fault struck.
    pub faults: std::collections::BTreeMap<&'static str, u64>,
    /// Requests that users sent, repeats included.
    pub requests: u64,
    /// Of these, those that were not answered with success.
    pub unanswered: u64,
    /// How long users took to be heard.
    pub traffic_seconds: f64,
    /// How long the rest took after the trouble was over.
    pub drain_seconds: f64,
}

/// Runs it. The functions are built first, with cargo.
///
/// # Errors
/// When the parts cannot be had or a user is never answered; a bad verdict is not an error.
pub async fn run(
    settings: Settings,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Report, Error> {
    progress(Progress::Starting);
    let plan = Plan::new(&settings);
    let mut parts = Parts::start(&settings).await?;
    let troubles = Arc::new(Troubles::default());

    let start = Instant::now();
    let door = parts.door();
    let traffic = traffic::flow(&plan, &door, &settings, |turns| {
        progress(Progress::Recorded(turns));
    });
    let counts = tokio::select! {
        counts = traffic => counts?,
        error = trouble::make(&mut parts.breakables, &troubles, settings.seed) => return Err(error),
        error = sweep_again_and_again(&door) => return Err(error),
    };
    let traffic_seconds = start.elapsed().as_secs_f64();

    parts.mend().await?;
    let start = Instant::now();
    let mut left = parts.pending().await?;
    while left > 0 && start.elapsed() < DRAIN {
        progress(Progress::Draining(left));
        door.sweep().await;
        tokio::time::sleep(SWEEP_EVERY / 4).await;
        left = parts.pending().await?;
    }
    let drain_seconds = start.elapsed().as_secs_f64();
    let verdict = Verdict::of(&plan, &parts).await?;
    let mut faults = troubles.counts();
    faults.extend(parts.chance.counts());
    parts.stop().await;
    Ok(Report {
        verdict,
        faults,
        requests: counts.requests,
        unanswered: counts.unanswered,
        traffic_seconds,
        drain_seconds,
    })
}

/// The clock.
async fn sweep_again_and_again(door: &traffic::Door) -> Error {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        door.sweep().await;
    }
}
