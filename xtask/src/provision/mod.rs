//! `cargo xtask provision`: tells QStash of a deployment, or only what it would be told.

pub(crate) mod plan;
pub(crate) mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use memory_orchestrator::domain::deadline::Deadline;

use self::plan::{Step, plan};
use self::target::Target;
use crate::Error;

/// For each call to QStash.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// Where QStash reaches the deployment, instead of MEMORY_PUBLIC_URL
    #[arg(long)]
    url: Option<String>,
    /// Also remove the endpoints of other deployments from the topic
    #[arg(long)]
    prune: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let target = Target::read(arguments.url.as_deref(), |name| std::env::var(name).ok())?;
    let steps = look(&target, arguments.prune).await?;
    for step in &steps {
        println!("{step}");
    }
    let changes = steps.iter().filter(|step| step.is_change()).count();
    if arguments.dry_run {
        println!("--dry-run: {changes} to change, and nothing was changed");
    } else {
        apply(&target, &steps).await?;
        println!("{changes} changed");
    }
    Ok(())
}

/// What is there, against what should be.
pub(crate) async fn look(target: &Target, prune: bool) -> Result<Vec<Step>, Error> {
    let qstash = &target.qstash;
    let endpoints = qstash.subscribers(soon()).await;
    let endpoints = endpoints.map_err(|error| target.explain(&error))?;
    let schedules = qstash.schedules(soon()).await;
    let schedule = schedules
        .map_err(|error| target.explain(&error))?
        .into_iter()
        .find(|schedule| schedule.id == target.wanted.schedule.id);
    Ok(plan(
        &target.wanted,
        endpoints.as_deref(),
        schedule.as_ref(),
        prune,
    ))
}

/// Takes the steps, additions first: a topic that loses its last endpoint is gone.
async fn apply(target: &Target, steps: &[Step]) -> Result<(), Error> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    let mut schedule = None;
    for step in steps {
        match step {
            Step::AddEndpoint(url) => added.push(url.as_str()),
            Step::RemoveEndpoint(url) => removed.push(url.as_str()),
            Step::AddSchedule(wanted) | Step::ChangeSchedule { wanted, .. } => {
                schedule = Some(wanted);
            }
            Step::AddTopic(_) | Step::Unchanged(_) | Step::Foreign { .. } | Step::Paused(_) => {}
        }
    }
    let qstash = &target.qstash;
    let taken = async {
        if !added.is_empty() {
            qstash.subscribe(&added, soon()).await?;
        }
        if !removed.is_empty() {
            qstash.unsubscribe(&removed, soon()).await?;
        }
        if let Some(schedule) = schedule {
            qstash.set_schedule(schedule, soon()).await?;
        }
        Ok(())
    };
    taken.await.map_err(|error| target.explain(&error))
}

fn soon() -> Deadline {
    Deadline::after(PATIENCE)
}
