//! `POST /api/jobs/{job}`: QStash's deliveries and callbacks, and the sweeper's clock.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Answer, Endpoint, Request, Route};
use crate::auth::qstash_signature::verify;
use crate::auth::{AuthError, Caller};
use crate::contract::answers::{JobAnswer, JobOutcome};
use crate::domain::ids::UserId;
use crate::domain::job::{Delivery, JobAdapter, VERSION};
use crate::orchestrator::{App, Needs, give_up_job, sweep, work_erasure, work_job};
use crate::problem::Problem;

/// The job of an erasure.
const ERASE: &str = "erase";

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "job",
    route: Route {
        name: "jobs",
        path: "/api/jobs/{job}",
        file: "jobs/[job].rs",
    },
    needs: Needs::Jobs,
    // A job that was accepted is finished, whatever the flag says now.
    switched: false,
    handlers: &[(Method::POST, |app, request| Box::pin(work(app, request)))],
};

async fn work(app: &App, request: &Request) -> Result<Answer, Problem> {
    let job = request.last_segment().map_err(|_| Problem::NotFound)?;
    // pg_cron asks for a sweep with the service token: it cannot sign as QStash does.
    let asked = &*job == "sweep" && request.headers.contains_key(AUTHORIZATION);
    let body = request.bytes()?;
    if !asked {
        let address = format!("{}{}", app.public_url, request.path);
        verify(app.qstash.signing_keys(), &request.headers, &address, body)?;
    } else if !matches!(request.caller(app).await?, Caller::Service(_)) {
        return Err(Problem::Unauthorized(AuthError::NotTheService));
    }

    let answer = match &*job {
        "sweep" => sweep(app).await.map_err(delayed)?,
        "dead-letter" => {
            let given_up: GivenUp = read(body)?;
            JobAnswer::from(give_up(app, &given_up).await.map_err(delayed)?)
        }
        ERASE => JobAnswer::from(erase(app, body).await?),
        name => match JobAdapter::from_name(name) {
            Some(adapter) => JobAnswer::from(deliver(app, adapter, body).await?),
            None => return Err(Problem::NotFound),
        },
    };
    Answer::json(StatusCode::OK, &answer)
}

/// One body goes to every endpoint of the topic; each takes its own job from it.
async fn deliver(app: &App, adapter: JobAdapter, body: &[u8]) -> Result<JobOutcome, Problem> {
    let delivery = delivery(body)?;
    match delivery.jobs.of(adapter) {
        Some(job) => work_job(app, adapter, UserId(delivery.user_id), job)
            .await
            .map_err(delayed),
        None => Ok(JobOutcome::Gone),
    }
}

/// An erasure comes by itself, not by the topic.
async fn erase(app: &App, body: &[u8]) -> Result<JobOutcome, Problem> {
    let delivery = delivery(body)?;
    match delivery.jobs.erase {
        Some(job) => work_erasure(app, UserId(delivery.user_id), job)
            .await
            .map_err(delayed),
        None => Ok(JobOutcome::Gone),
    }
}

/// QStash's failure callback, as far as we read it.
///
/// Source: Upstash, "QStash, callbacks".
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GivenUp {
    /// Of the last attempt; 0 when there was no answer.
    #[serde(default)]
    status: u16,
    /// Where the message was to go.
    url: String,
    /// What it carried, base64.
    source_body: String,
}

impl GivenUp {
    /// What was not delivered, and for whom; nothing when it is an erasure. Which job it was stands in the address that it
    /// could not be delivered to.
    pub(crate) fn delivery(&self) -> Result<Option<(JobAdapter, Delivery)>, Problem> {
        let name = self.url.rsplit('/').next().unwrap_or_default();
        if name == ERASE {
            return Ok(None);
        }
        let adapter = JobAdapter::from_name(name)
            .ok_or(Problem::JobRefused("The callback is about no job of ours."))?;
        let body = STANDARD
            .decode(&self.source_body)
            .map_err(|_| Problem::JobRefused("The callback's source body is not base64."))?;
        Ok(Some((adapter, delivery(&body)?)))
    }
}

async fn give_up(app: &App, given_up: &GivenUp) -> Result<JobOutcome, Problem> {
    let Some((adapter, delivery)) = given_up.delivery()? else {
        // It is never given up: the sweeper goes on.
        tracing::warn!(status = given_up.status, "QStash gave up an erasure");
        return Ok(JobOutcome::Waiting);
    };
    match delivery.jobs.of(adapter) {
        Some(job) => {
            give_up_job(app, adapter, UserId(delivery.user_id), job, given_up.status).await
        }
        None => Ok(JobOutcome::Gone),
    }
}

/// What a caller would be told to try again soon, QStash tries again in its own time.
fn delayed(problem: Problem) -> Problem {
    match problem {
        Problem::Unavailable(error) => Problem::JobDelayed(error),
        other => other,
    }
}

/// Reads a delivery of this version.
pub(crate) fn delivery(body: &[u8]) -> Result<Delivery, Problem> {
    let value: Value = read(body)?;
    if value["version"] != VERSION {
        return Err(Problem::JobRefused("The delivery has an unknown version."));
    }
    serde_json::from_value(value)
        .map_err(|_| Problem::JobRefused("The delivery is not one of this version."))
}

/// Reads a signed body. One that cannot be read now cannot be read later either.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|_| Problem::JobRefused("The body is not the JSON it should be."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delivery_of_this_version_is_read() {
        let good =
            r#"{"version":1,"userId":"0192f0c1-2345-7abc-8def-0123456789ab","jobs":{"embed":7}}"#;
        assert_eq!(delivery(good.as_bytes()).unwrap().jobs.embed, Some(7));
        for bad in [
            "",
            "{}",
            r#"{"version":2}"#,
            r#"{"version":1}"#,
            &good.replace("7}", "\"x\"}"),
        ] {
            assert_eq!(
                delivery(bad.as_bytes()).unwrap_err().status().as_u16(),
                489,
                "{bad}"
            );
        }
    }
}
