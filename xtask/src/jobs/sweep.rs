//! Asks a deployment for a sweep at once, as pg_cron would.

use std::time::Duration;

use devstack::stack::tokens;
use memory_orchestrator::adapters::Adapter;
use memory_orchestrator::adapters::http::{Outbound, send};
use memory_orchestrator::config::env;
use memory_orchestrator::domain::deadline::Deadline;
use serde_json::Value;

use crate::Error;

/// As long as the function that sweeps may run.
const PATIENCE: Duration = Duration::from_secs(60);

/// Only errors would name it, and theirs are put in other words.
const OURS: Adapter = Adapter::Supabase;

/// Calls `POST {MEMORY_PUBLIC_URL}/api/jobs/sweep` with a service token, and returns its answer.
pub(crate) async fn sweep() -> Result<Value, Error> {
    let deployment = variable(env::MEMORY_PUBLIC_URL.name)?;
    let secret = variable(env::SUPABASE_JWT_SECRET.name)?;
    let token = tokens::mint(&secret, None, tokens::SERVICE, PATIENCE)?;
    let url = format!("{}/api/jobs/sweep", deployment.trim_end_matches('/'));
    // With the roots that the service itself trusts.
    let outbound = Outbound::new(std::env::var(env::OUTBOUND_CA_PEM.name).ok());
    let request = outbound.client(OURS)?.post(&url).bearer_auth(token);
    let (status, _, body) = send(OURS, request, Deadline::after(PATIENCE))
        .await
        .map_err(|error| format!("{url} did not answer: {}", error.detail))?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        Ok(body)
    } else {
        Err(format!("{url} answered {status}: {}", body["detail"]).into())
    }
}

/// What came of it, for a person.
pub(crate) fn report(answer: &Value) -> String {
    let sweep = &answer["sweep"];
    if answer["outcome"] == "leased" {
        return "another sweep is running; it takes them, or the next one does".to_owned();
    }
    format!(
        "swept: {} jobs taken, {} sent to QStash, {} worked at once",
        sweep["taken"], sweep["sent"], sweep["worked"]
    )
}

fn variable(name: &str) -> Result<String, Error> {
    let value = std::env::var(name).unwrap_or_default();
    if value.trim().is_empty() {
        return Err(format!("--now needs {name}").into());
    }
    Ok(value.trim().to_owned())
}
