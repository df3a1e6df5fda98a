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

/// A token with the role `service_role`, for deployments whose tokens are signed by a key that is not ours to use.
const TOKEN: &str = "SUPABASE_SERVICE_TOKEN";

/// Calls `POST {MEMORY_PUBLIC_URL}/api/jobs/sweep` with a service token, and returns its answer.
pub(crate) async fn sweep() -> Result<Value, Error> {
    let deployment = variable(env::MEMORY_PUBLIC_URL.name)
        .ok_or_else(|| format!("--now needs {}", env::MEMORY_PUBLIC_URL.name))?;
    let token = token(variable(TOKEN), variable(env::SUPABASE_JWT_SECRET.name))?;
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

/// The one that is given, or one of our own for as long as it is needed.
fn token(given: Option<String>, secret: Option<String>) -> Result<String, Error> {
    match (given, secret) {
        (Some(token), _) => Ok(token),
        (None, Some(secret)) => Ok(tokens::mint(&secret, None, tokens::SERVICE, PATIENCE)?),
        (None, None) => Err(format!(
            "--now needs {}, to sign a token with; where tokens are signed by keys alone, set {TOKEN} to one with the \
             role service_role, that such a key has signed (docs/tokens.md)",
            env::SUPABASE_JWT_SECRET.name
        )
        .into()),
    }
}

/// A variable that says something.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).unwrap_or_default();
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_given_goes_before_one_of_our_own_and_without_either_one_is_told_what_to_do()
    {
        let (given, secret) = (Some("given".to_owned()), Some("secret".to_owned()));
        assert_eq!(token(given, secret.clone()).unwrap(), "given");
        assert_eq!(token(None, secret).unwrap().split('.').count(), 3);
        let error = token(None, None).unwrap_err().to_string();
        assert!(error.contains(TOKEN) && error.contains("SUPABASE_JWT_SECRET"));
    }
}
