//! Whether the database is as the code expects it.

use std::collections::BTreeSet;

use devstack::postgres::connect;
use devstack::postgres::migrate::{self, Options, State};
use devstack::stack::workspace;

use super::finding::Finding;
use crate::Error;

const AREA: &str = "migrations";

/// Who may see the list of migrations and pg_cron's jobs.
pub(crate) struct Administrator {
    pub(crate) url: String,
    pub(crate) ca_pem: Option<String>,
}

/// What the administrator sees.
pub(super) async fn examine(administrator: &Administrator) -> Vec<Finding> {
    let options = Options {
        folder: workspace().join("migrations"),
        ca_pem: administrator.ca_pem.clone(),
        local_shim: false,
    };
    let listed = match migrate::status(&administrator.url, &options).await {
        Ok(entries) => list(&entries),
        Err(error) => return vec![Finding::fail(AREA, error.to_string())],
    };
    vec![listed, schedule(administrator).await]
}

fn list(entries: &[migrate::Entry]) -> Finding {
    let mut pending = Vec::new();
    let mut strange = Vec::new();
    for entry in entries {
        let name = format!("{:04} {}", entry.version, entry.name);
        match entry.state {
            State::Applied { .. } => {}
            State::Pending => pending.push(name),
            State::Changed => strange.push(format!("{name} was changed after it was applied")),
            State::Missing => strange.push(format!("{name} was applied and its file is gone")),
        }
    }
    if !strange.is_empty() {
        let strange = strange.join(", ");
        Finding::fail(
            AREA,
            format!("{strange}: is this the code that is deployed?"),
        )
    } else if !pending.is_empty() {
        let pending = pending.join(", ");
        Finding::fail(
            AREA,
            format!("not applied are {pending}: run cargo xtask migrate"),
        )
    } else {
        Finding::ok(AREA, format!("all {} are applied", entries.len()))
    }
}

/// Whether pg_cron sweeps.
async fn schedule(administrator: &Administrator) -> Finding {
    match scheduled(administrator).await {
        Ok(Some(true)) => Finding::ok("sweeper", "pg_cron calls it"),
        Ok(Some(false)) => Finding::warn(
            "sweeper",
            "pg_cron does not call it: select memories.schedule_sweep('<MEMORY_PUBLIC_URL>', '<service token>')",
        ),
        Ok(None) => Finding::warn(
            "sweeper",
            "there is no pg_cron: QStash's schedule alone calls it",
        ),
        Err(error) => Finding::fail("sweeper", error.to_string()),
    }
}

async fn scheduled(administrator: &Administrator) -> Result<Option<bool>, Error> {
    let client = connect(&administrator.url, administrator.ca_pem.as_deref()).await?;
    let exists = client
        .query_one("select to_regclass('cron.job') is not null", &[])
        .await?;
    if !exists.get::<_, bool>(0) {
        return Ok(None);
    }
    let active = "select exists (select from cron.job where jobname = 'memory-sweep' and active)";
    Ok(Some(client.query_one(active, &[]).await?.get(0)))
}

/// What anybody sees: the functions of schema `memories`, by name, against those that the migrations
/// leave behind.
pub(super) fn compare(present: &BTreeSet<String>) -> Result<Finding, Error> {
    let expected = expected()?;
    let missing: Vec<&str> = expected.difference(present).map(String::as_str).collect();
    Ok(if present.is_empty() {
        Finding::fail(AREA, "none is applied: run cargo xtask migrate")
    } else if missing.is_empty() {
        let count = expected.len();
        Finding::ok(AREA, format!("all {count} SQL functions are there"))
    } else {
        let missing = missing.join(", ");
        Finding::fail(
            AREA,
            format!("SQL functions are missing ({missing}): run cargo xtask migrate"),
        )
    })
}

fn expected() -> Result<BTreeSet<String>, Error> {
    let mut files: Vec<_> = std::fs::read_dir(workspace().join("migrations"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
    files.sort();
    let mut names = BTreeSet::new();
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            follow(line, &mut names);
        }
    }
    Ok(names)
}

/// Takes one line of a migration into account.
fn follow(line: &str, names: &mut BTreeSet<String>) {
    let name = |prefix: &str| {
        let rest = line.strip_prefix(prefix)?;
        Some(rest.split('(').next()?.to_owned())
    };
    let created =
        name("create function memories.").or_else(|| name("create or replace function memories."));
    if let Some(name) = created {
        names.insert(name);
    }
    let dropped =
        name("drop function memories.").or_else(|| name("drop function if exists memories."));
    if let Some(name) = dropped {
        names.remove(&name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_and_not_dropped_is_expected() {
        let mut names = BTreeSet::new();
        for line in [
            "create function memories.stays(p_one text)",
            "create function memories.goes() returns void",
            "create or replace function memories.changes(",
            "drop function memories.goes();",
            "drop function memories.changes(text);",
            "create function memories.changes(",
            "    perform memories.not_a_definition();",
        ] {
            follow(line, &mut names);
        }
        assert_eq!(names.iter().collect::<Vec<_>>(), ["changes", "stays"]);
        assert!(expected().unwrap().contains("record_turns"));
    }
}
