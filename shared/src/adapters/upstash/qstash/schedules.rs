//! Schedules: QStash calls an address again and again.

use http::Method;
use serde::Deserialize;

use super::{LABEL, QStash, malformed};
use crate::adapters::Error;
use crate::domain::deadline::Deadline;

/// How long one call of a schedule may take: as long as the function that answers it may run.
const TIMEOUT: &str = "60s";

/// A schedule, under a name of ours, so that setting it again changes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// Ours.
    #[serde(rename = "scheduleId")]
    pub id: String,
    /// Five fields, UTC.
    pub cron: String,
    /// The address.
    pub destination: String,
    /// How it is called, as in `POST`.
    #[serde(default = "post")]
    pub method: String,
    /// How often a call that failed is made again.
    #[serde(default)]
    pub retries: u32,
    /// Whether somebody stopped it for a while. It can only be read.
    #[serde(default, rename = "isPaused")]
    pub paused: bool,
}

/// What QStash does unless it is told.
fn post() -> String {
    "POST".to_owned()
}

impl QStash {
    /// Every schedule of the account.
    pub async fn schedules(&self, deadline: Deadline) -> Result<Vec<Schedule>, Error> {
        let body = self
            .call(self.request(Method::GET, "schedules")?, deadline)
            .await?;
        serde_json::from_slice(&body).map_err(|error| malformed(&error))
    }

    /// Makes a schedule, or gives the one of this name other settings.
    pub async fn set_schedule(&self, schedule: &Schedule, deadline: Deadline) -> Result<(), Error> {
        let request = self
            .request(Method::POST, &format!("schedules/{}", schedule.destination))?
            .header("upstash-schedule-id", &schedule.id)
            .header("upstash-cron", &schedule.cron)
            .header("upstash-method", &schedule.method)
            .header("upstash-retries", schedule.retries)
            .header("upstash-timeout", TIMEOUT)
            .header("upstash-label", LABEL);
        self.call(request, deadline).await.map(drop)
    }

    /// Ends a schedule.
    pub async fn delete_schedule(&self, id: &str, deadline: Deadline) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &format!("schedules/{id}"))?;
        self.call(request, deadline).await.map(drop)
    }
}
