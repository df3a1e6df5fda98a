//! The environment: every variable, not only the first that is wrong.

use std::collections::BTreeMap;

use memory_orchestrator::config::{Config, ConfigError, env};

use super::finding::Finding;

const AREA: &str = "variables";

/// Stands in for what is required and not there, so that the rest can be read: a text, and a URL.
const STAND_IN: &str = "http://unset.invalid";

/// Prefixes of names that are ours: another one with them is a slip of the pen.
const OURS: [&str; 4] = ["MEMORY_", "QSTASH_", "EMBEDDINGS_", "MEM0_"];

/// What could be read.
pub(super) struct Read {
    /// Stand-ins in the place of what is faulty.
    pub(super) config: Option<Config>,
    /// The names of the variables that are wrong.
    pub(super) faulty: Vec<&'static str>,
}

/// Reads all, and says what is wrong.
pub(super) fn examine(env: &[(String, String)]) -> (Vec<Finding>, Read) {
    let set: BTreeMap<&str, &str> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.trim()))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let (faults, config) = read(|name| set.get(name).map(|value| (*value).to_owned()));
    let mut findings: Vec<Finding> = faults
        .iter()
        .map(|fault| Finding::fail(AREA, fault.to_string()))
        .collect();
    let mut faulty: Vec<_> = faults.iter().map(|fault| fault.variable).collect();

    let known = |name: &str| env::ALL.iter().any(|variable| variable.name == name);
    for name in set.keys() {
        if OURS.iter().any(|prefix| name.starts_with(prefix)) && !known(name) {
            findings.push(Finding::warn(
                AREA,
                format!("{name} is not a variable of the service: is it misspelt?"),
            ));
        }
    }
    if !set.contains_key(env::MEMORY_PUBLIC_URL.name) {
        faulty.push(env::MEMORY_PUBLIC_URL.name);
        findings.push(Finding::fail(
            AREA,
            "MEMORY_PUBLIC_URL is missing: QStash's signatures would be checked against an address of this machine",
        ));
    }
    if config.as_ref().is_some_and(|config| !config.enabled) {
        findings.push(Finding::warn(
            AREA,
            "MEMORY_ORCHESTRATOR_ENABLED is off: every intent is answered with 503",
        ));
    }
    if findings.is_empty() {
        let count = set.keys().filter(|name| known(name)).count();
        let all = env::ALL.len();
        findings.push(Finding::ok(
            AREA,
            format!("{count} of {all} are set and valid"),
        ));
    }
    (findings, Read { config, faulty })
}

/// The configuration names the first variable that is wrong. So that one is left out, then replaced,
/// and the rest is read again.
fn read(look_up: impl Fn(&str) -> Option<String>) -> (Vec<ConfigError>, Option<Config>) {
    let mut faults: Vec<ConfigError> = Vec::new();
    let mut replaced: Vec<&str> = Vec::new();
    loop {
        let config = Config::from(|name| {
            if replaced.contains(&name) {
                Some(STAND_IN.to_owned())
            } else if faults.iter().any(|fault| fault.variable == name) {
                None
            } else {
                look_up(name)
            }
        });
        match config {
            Ok(config) => return (faults, Some(config)),
            Err(error) if replaced.contains(&error.variable) => return (faults, None),
            Err(error) => {
                if faults.iter().any(|fault| fault.variable == error.variable) {
                    replaced.push(error.variable);
                } else {
                    faults.push(error);
                }
            }
        }
    }
}
