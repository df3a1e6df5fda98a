//! What becomes of a job that QStash delivers no more.

use crate::adapters::supabase::StoreError;
use crate::contract::answers::JobOutcome;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::domain::job::JobAdapter;
use crate::orchestrator::{App, DATABASE_DEADLINE};
use crate::problem::Problem;

/// The status that our endpoint gives a delivery which can never succeed.
const NEVER: u16 = 489;

/// Takes over from QStash: after a 489 the job's turns are dead letters; after anything else, an
/// endpoint that could not be reached or a provider that was down for long, the job is the sweeper's.
pub async fn give_up_job(
    app: &App,
    adapter: JobAdapter,
    user: UserId,
    job: i64,
    status: u16,
) -> Result<JobOutcome, Problem> {
    let for_good = status == NEVER;
    let code = if for_good {
        "refused".to_owned()
    } else {
        format!("delivery_{status}")
    };
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let given_up = app
        .supabase
        .give_up_job(user, (adapter, job), &code, for_good, deadline)
        .await;
    let buried = match given_up {
        Ok(buried) => buried,
        Err(StoreError::NotFound) => return Ok(JobOutcome::Gone),
        Err(error) => return Err(error.into()),
    };
    tracing::warn!(
        adapter = adapter.name(),
        job,
        status,
        buried,
        "QStash gave up a job"
    );
    Ok(JobOutcome::Done)
}
