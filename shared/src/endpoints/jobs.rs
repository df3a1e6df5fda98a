//! `POST /api/jobs/{job}`: QStash's deliveries, for every job.

use http::{Method, StatusCode};

use super::{Answer, Endpoint, Request, Route};
use crate::auth::qstash_signature::verify;
use crate::contract::answers::{JobAnswer, JobOutcome};
use crate::domain::ids::UserId;
use crate::domain::job::{Delivery, VERSION};
use crate::orchestrator::{App, Needs, embed_job};
use crate::problem::Problem;

/// The endpoint.
pub const ENDPOINT: Endpoint = Endpoint {
    intent: "job",
    route: Route {
        name: "jobs",
        path: "/api/jobs/{job}",
        file: "jobs/[job].rs",
    },
    needs: Needs::Vectors,
    // A job that was accepted is finished, whatever the flag says now.
    switched: false,
    handlers: &[(Method::POST, |app, request| Box::pin(work(app, request)))],
};

async fn work(app: &App, request: &Request) -> Result<Answer, Problem> {
    let body = request.bytes()?;
    let address = format!("{}{}", app.public_url, request.path);
    verify(app.qstash.signing_keys(), &request.headers, &address, body)?;

    let answer = match &*request.last_segment()? {
        "embed" => embed(app, body).await?,
        _ => return Err(Problem::NotFound),
    };
    Answer::json(StatusCode::OK, &answer)
}

async fn embed(app: &App, body: &[u8]) -> Result<JobAnswer, Problem> {
    let delivery = read(body)?;
    match delivery.jobs.embed {
        Some(job) => embed_job(app, UserId(delivery.user_id), job)
            .await
            .map_err(delayed),
        None => Ok(JobAnswer {
            outcome: JobOutcome::Gone,
        }),
    }
}

/// What a caller would be told to try again soon, QStash tries again in its own time.
fn delayed(problem: Problem) -> Problem {
    match problem {
        Problem::Unavailable(error) => Problem::JobDelayed(error),
        other => other,
    }
}

/// Reads a signed body. One that cannot be read now cannot be read later either.
fn read(body: &[u8]) -> Result<Delivery, Problem> {
    let value: serde_json::Value = serde_json::from_slice(body)
        .map_err(|_| Problem::JobRefused("The delivery is not JSON."))?;
    if value["version"] != VERSION {
        return Err(Problem::JobRefused("The delivery has an unknown version."));
    }
    serde_json::from_value(value)
        .map_err(|_| Problem::JobRefused("The delivery is not one of this version."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_delivery_of_this_version_is_read() {
        let good =
            r#"{"version":1,"userId":"0192f0c1-2345-7abc-8def-0123456789ab","jobs":{"embed":7}}"#;
        assert_eq!(read(good.as_bytes()).unwrap().jobs.embed, Some(7));
        for bad in [
            "",
            "{}",
            r#"{"version":2}"#,
            r#"{"version":1}"#,
            &good.replace("7}", "\"x\"}"),
        ] {
            assert_eq!(
                read(bad.as_bytes()).unwrap_err().status().as_u16(),
                489,
                "{bad}"
            );
        }
    }
}
