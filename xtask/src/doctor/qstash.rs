//! QStash: the account, the topic, the schedule and the keys.

use memory_orchestrator::config::{Config, Secret};

use super::finding::Finding;
use super::soon;
use crate::provision::look;
use crate::provision::plan::Step;
use crate::provision::target::Target;

const AREA: &str = "qstash";

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    if config.qstash.token.is_none() {
        return vec![Finding::warn(
            AREA,
            "QSTASH_TOKEN is not set: nothing is published, and jobs wait for a sweep",
        )];
    }
    let target = match Target::new(config.clone()) {
        Ok(target) => target,
        Err(error) => return vec![Finding::fail(AREA, error.to_string())],
    };
    let steps = match look(&target, false).await {
        Ok(steps) => steps,
        Err(error) => return vec![Finding::fail(AREA, error.to_string())],
    };
    let mut findings = vec![Finding::ok(AREA, "QSTASH_TOKEN is accepted")];
    findings.extend(steps.into_iter().map(step));
    findings.push(match target.qstash.account_keys(soon()).await {
        Ok(account) => keys(&config.qstash.signing_keys, &account),
        Err(error) => Finding::fail(AREA, target.explain(&error).to_string()),
    });
    findings
}

/// What provisioning would do is what is wrong.
fn step(step: Step) -> Finding {
    let provision = "run cargo xtask provision";
    match step {
        Step::Unchanged(what) => Finding::ok(AREA, what),
        Step::AddTopic(name) => Finding::fail(
            AREA,
            format!(
                "the topic {name} does not exist, so that nothing can be published: {provision}"
            ),
        ),
        Step::AddEndpoint(url) => Finding::fail(
            AREA,
            format!("the topic does not deliver to {url}: {provision}"),
        ),
        Step::RemoveEndpoint(url) => Finding::warn(
            AREA,
            format!("the topic delivers to {url}, which is not in use: {provision}"),
        ),
        Step::Foreign { url, .. } => Finding::warn(
            AREA,
            format!(
                "the topic also delivers to {url}, of another deployment: each needs a QSTASH_TOPIC of its own"
            ),
        ),
        Step::AddSchedule(wanted) => Finding::fail(
            AREA,
            format!(
                "there is no schedule {} for the sweeper: {provision}",
                wanted.id
            ),
        ),
        Step::ChangeSchedule { wanted, .. } => Finding::fail(
            AREA,
            format!(
                "the schedule {} says something else: {provision} --dry-run shows what",
                wanted.id
            ),
        ),
        Step::Paused(what) => Finding::warn(
            AREA,
            format!("the {what} is paused: resume it in QStash's console"),
        ),
    }
}

/// Whether deliveries will be believed, now and after a rotation.
fn keys(configured: &[Secret], [current, next]: &[Secret; 2]) -> Finding {
    if configured.is_empty() {
        Finding::fail(
            AREA,
            "QSTASH_CURRENT_SIGNING_KEY is not set: every delivery will be refused",
        )
    } else if !configured.contains(current) {
        Finding::fail(
            AREA,
            "the account signs with another key than QSTASH_CURRENT_SIGNING_KEY: every delivery will be refused",
        )
    } else if !configured.contains(next) {
        Finding::warn(
            AREA,
            "QSTASH_NEXT_SIGNING_KEY is not the account's: deliveries will be refused after a rotation",
        )
    } else {
        Finding::ok(AREA, "the signing keys are the account's")
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    #[test]
    fn keys_are_told_apart() {
        let secret = |text: &str| Secret::new(text);
        let account = [secret("one"), secret("two")];
        for (configured, level) in [
            (vec![], Level::Fail),
            (vec![secret("two")], Level::Fail),
            (vec![secret("old"), secret("two")], Level::Fail),
            (vec![secret("one")], Level::Warn),
            (vec![secret("one"), secret("old")], Level::Warn),
            (vec![secret("one"), secret("two")], Level::Ok),
            // Turned round: both are tried, so it works.
            (vec![secret("two"), secret("one")], Level::Ok),
        ] {
            assert_eq!(keys(&configured, &account).level, level, "{configured:?}");
        }
    }
}
