//! The vectors that are stored, against what the models are said to give.

use devstack::postgres::connect;
use memory_orchestrator::config::{self, Config};

use super::PATIENCE;
use super::finding::Finding;
use super::migrations::Administrator;
use crate::Error;

const AREA: &str = "vectors";

/// One vector of this model with another length, if there is any.
const OTHER: &str = "
    select e.dimensions::integer
    from memories.turn_embeddings as e
    where e.model = $1 and e.dimensions <> $2
    limit 1";

/// Each model's rows; nobody but an administrator sees them of all users.
pub(super) async fn examine(administrator: &Administrator, config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for model in config.embeddings.iter().chain(&config.next_embeddings) {
        let found = tokio::time::timeout(PATIENCE, other(administrator, model)).await;
        findings.push(match found {
            Ok(Ok(None)) => Finding::ok(AREA, format!("those of {} have one length", model.model)),
            // One search compares with all of a user's vectors under a model, and fails at such a one.
            Ok(Ok(Some(other))) => Finding::fail(
                AREA,
                format!(
                    "some of {} have {other} dimensions, not {}: give the model another name and backfill",
                    model.model, model.dimensions
                ),
            ),
            Ok(Err(error)) => Finding::fail(AREA, error.to_string()),
            Err(_) => Finding::warn(AREA, "there are too many to be looked at"),
        });
    }
    findings
}

async fn other(
    administrator: &Administrator,
    model: &config::Embeddings,
) -> Result<Option<i32>, Error> {
    let client = connect(&administrator.url, administrator.ca_pem.as_deref()).await?;
    let dimensions = i16::try_from(model.dimensions)?;
    let row = client
        .query_opt(OTHER, &[&model.model, &dimensions])
        .await?;
    Ok(row.map(|row| row.get(0)))
}
