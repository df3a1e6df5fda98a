//! Jobs: an attempt, what gives it up, and the sweeper that keeps at it. `docs/jobs.md` draws the
//! whole life of one.

mod embed;
mod erase;
mod give_up;
mod mem0;
mod numbers;
mod sweep;

pub use self::erase::work_erasure;
pub use self::give_up::give_up_job;
pub use self::sweep::sweep;

use std::time::Duration;

use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::{Begun, Settled, Settlement, StoreError};
use crate::adapters::{self, Error};
use crate::contract::answers::JobOutcome;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;
use crate::problem::Problem;

/// How long an attempt has its turns for itself beyond the other side's part: what the database may
/// take before and after, and some more.
pub(super) const BESIDE_THE_WORK: Duration = Duration::from_secs(10);

/// When an attempt that was going well is to be followed by the next.
const SOON: Duration = Duration::from_secs(3);

/// What came of the other side's part: what to settle, and the first thing that went wrong.
struct Worked {
    vectors: Vec<adapters::supabase::TurnVector>,
    settlement: Settlement,
    error: Option<Error>,
}

/// Makes one attempt at a job. A job that is done finds nothing to do; what fails stays queued, and
/// the problem asks for another delivery.
pub async fn work_job(
    app: &App,
    adapter: JobAdapter,
    user: UserId,
    job: i64,
) -> Result<JobOutcome, Problem> {
    if !app.does(adapter) {
        return Ok(JobOutcome::Waiting);
    }
    let attempts = app.jobs.attempts;
    let queued = (adapter, job);
    let begun = app
        .supabase
        .begin_job(
            user,
            queued,
            app.jobs.work() + BESIDE_THE_WORK,
            attempts,
            Deadline::after(DATABASE_DEADLINE),
        )
        .await;
    let work = match begun {
        Ok(Begun::Work(work)) => work,
        Ok(Begun::Gone) | Err(StoreError::NotFound) => return Ok(JobOutcome::Gone),
        Ok(Begun::Leased(wait)) => return Err(Problem::JobLeased(wait)),
        Ok(Begun::CircuitOpen(wait)) => return Err(Problem::CircuitOpen(wait)),
        Ok(Begun::UnknownVersion) => {
            return Err(Problem::JobRefused(
                "The queued job has an unknown version.",
            ));
        }
        Err(error) => return Err(error.into()),
    };

    let mut numbers = numbers::numbers(app, user, adapter, &work).await?;
    let worked = match adapter {
        JobAdapter::Embed => embed::embed(app, &work, &mut numbers).await,
        JobAdapter::Mem0 => mem0::push(app, user, &work, &mut numbers).await,
    };
    let settled = settle(app, user, queued, &worked).await?;
    if !worked.vectors.is_empty() {
        app.forget_contexts(user).await;
    }
    match settled {
        Settled::Done => Ok(JobOutcome::Done),
        Settled::Gone => Ok(JobOutcome::Gone),
        Settled::Left => Err(match worked.error {
            Some(error) => Problem::JobDelayed(error),
            // All that was got to went well; the rest may follow soon.
            None => Problem::JobLeased(SOON),
        }),
    }
}

async fn settle(
    app: &App,
    user: UserId,
    queued: (JobAdapter, i64),
    worked: &Worked,
) -> Result<Settled, StoreError> {
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let settlement = &worked.settlement;
    match queued {
        (JobAdapter::Embed, job) => {
            app.supabase
                .settle_embed_job(
                    user,
                    job,
                    &worked.vectors,
                    settlement,
                    app.jobs.attempts,
                    deadline,
                )
                .await
        }
        (JobAdapter::Mem0, _) => {
            app.supabase
                .settle_job(user, queued, settlement, app.jobs.attempts, deadline)
                .await
        }
    }
}
