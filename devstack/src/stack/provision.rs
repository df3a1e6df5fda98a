//! What QStash is told of a deployment, with the service's own client: as `cargo xtask provision` does it.

use std::{sync::Arc, time::Duration};

use memory_orchestrator::{
    adapters::{
        http::Outbound,
        upstash::qstash::{QStash, Schedule},
    },
    config,
    domain::{deadline::Deadline, job::JobAdapter},
};

use super::Error;
use crate::qstash::Qstash;

/// The URL group that the functions publish to.
const TOPIC: &str = "memory.sync";

/// The schedule of the topic's sweeper.
const SWEEPS: &str = "memory-sweep";

/// Makes the jobs' endpoints members of the topic, and has the sweeper called each minute.
pub(super) async fn provision(qstash: &Qstash, url: &str, sweeps: bool) -> Result<(), Error> {
    let config = config::QStash {
        url: qstash.url().to_owned(),
        token: Some(config::Secret::new(qstash.token())),
        topic: TOPIC.to_owned(),
        retries: 3,
        user_parallelism: 4,
        backfill_rate: 30,
        signing_keys: Vec::new(),
    };
    let client = QStash::new(config, url, Arc::new(Outbound::new(None)));
    let deadline = Deadline::after(Duration::from_secs(5));
    let job = |name: &str| format!("{url}/api/jobs/{name}");
    let jobs = JobAdapter::ALL.map(|adapter| job(adapter.name()));
    let jobs = jobs.each_ref().map(String::as_str);
    client.subscribe(&jobs, deadline).await?;
    if sweeps {
        let schedule = Schedule {
            id: SWEEPS.to_owned(),
            cron: "* * * * *".to_owned(),
            destination: job("sweep"),
            method: "POST".to_owned(),
            // The next minute's call is the retry.
            retries: 0,
            paused: false,
        };
        client.set_schedule(&schedule, deadline).await?;
    }
    Ok(())
}
