//! Postgres, as the functions reach it.

use std::collections::BTreeSet;

use devstack::postgres::connect;
use memory_orchestrator::adapters::supabase::Supabase;
use memory_orchestrator::config;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::PATIENCE;
use super::finding::Finding;
use super::migrations::{self, Administrator};
use crate::Error;

const AREA: &str = "database";

/// The roles that the functions change to.
const ROLES: [&str; 3] = ["authenticated", "memory_worker", "memory_sweeper"];

/// Each extension, and what is lost without it; `vector` is required.
const EXTENSIONS: [(&str, &str); 4] = [
    ("vector", ""),
    (
        "btree_gin",
        "words are looked for among all users' turns: create extension btree_gin, then the index anew",
    ),
    ("pg_cron", "QStash's schedule alone calls the sweeper"),
    (
        "pg_net",
        "pg_cron cannot call the sweeper, and QStash's schedule alone does",
    ),
];

/// One row, all text: what the functions' login is and sees. By the simple protocol, since a
/// transaction pooler may stand between.
const LOOK: &str = "
    select
        current_user as role,
        current_setting('server_version_num') as version,
        (select r.rolsuper or r.rolbypassrls from pg_roles as r where r.rolname = current_user) as mighty,
        (
            select string_agg(c.relname, ', ')
            from pg_class as c
            join pg_namespace as n on n.oid = c.relnamespace
            where n.nspname = 'memories'
                and c.relkind in ('r', 'p', 'v')
                and has_table_privilege(c.oid, 'select, insert, update, delete')
        ) as tables,
        (
            select string_agg(r.rolname, ',')
            from pg_roles as r
            where pg_has_role(r.oid, 'member')
        ) as roles,
        (select string_agg(e.extname, ',') from pg_extension as e) as extensions,
        (
            select string_agg(distinct p.proname, ',')
            from pg_proc as p
            join pg_namespace as n on n.oid = p.pronamespace
            where n.nspname = 'memories'
        ) as functions";

/// Looks at it as the functions do and, where there is one, as the administrator.
pub(super) async fn examine(
    login: Option<&config::Database>,
    administrator: Option<&Administrator>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(login) = login {
        findings.extend(as_functions(login, administrator.is_none()).await);
    }
    if let Some(administrator) = administrator {
        findings.extend(migrations::examine(administrator).await);
    }
    findings
}

async fn as_functions(login: &config::Database, look_at_migrations: bool) -> Vec<Finding> {
    // The service is stricter with a certificate than an administrator's tool.
    let strict = Supabase::new(login.clone()).and_then(|supabase| supabase.prepare());
    if let Err(fault) = strict {
        return vec![Finding::fail(AREA, fault.to_string())];
    }
    let found = tokio::time::timeout(PATIENCE, look(login)).await;
    let row = match found {
        Ok(Ok(row)) => row,
        Ok(Err(error)) => return vec![Finding::fail(AREA, error.to_string())],
        Err(_) => return vec![Finding::fail(AREA, "it does not answer")],
    };
    let text = |column: &str| row.get(column).unwrap_or_default();
    let set = |column: &str| -> BTreeSet<String> {
        let names = text(column).split(',').filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    };

    let mut findings = vec![version(text("version")), port(login)];
    findings.extend(rights(
        text("role"),
        text("mighty") == "t",
        text("tables"),
        &set("roles"),
    ));
    findings.extend(extensions(&set("extensions")));
    if look_at_migrations {
        findings.push(
            migrations::compare(&set("functions")).unwrap_or_else(|error| {
                Finding::fail("migrations", format!("the folder cannot be read: {error}"))
            }),
        );
    }
    findings
}

async fn look(login: &config::Database) -> Result<SimpleQueryRow, Error> {
    let client: Client = connect(login.url.expose(), login.ca.as_deref()).await?;
    let messages = client.simple_query(LOOK).await?;
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.ok_or_else(|| "the database answered nothing".into())
}

fn version(number: &str) -> Finding {
    let major = number.parse::<u32>().unwrap_or_default() / 10_000;
    if major >= 15 {
        Finding::ok(AREA, format!("PostgreSQL {major} answers"))
    } else {
        Finding::fail(
            AREA,
            format!("PostgreSQL {major} is too old: 15 is the oldest"),
        )
    }
}

/// Functions come in crowds: without the transaction pooler they use up the server's connections.
fn port(login: &config::Database) -> Finding {
    let direct = login
        .url
        .expose()
        .parse::<tokio_postgres::Config>()
        .is_ok_and(|config| {
            let supabase = config.get_hosts().iter().any(|host| match host {
                tokio_postgres::config::Host::Tcp(name) => name.contains("supabase."),
                tokio_postgres::config::Host::Unix(_) => false,
            });
            supabase && !config.get_ports().contains(&6543)
        });
    if direct {
        Finding::warn(
            AREA,
            "DATABASE_URL goes past Supabase's transaction pooler: use its port 6543",
        )
    } else {
        Finding::ok(AREA, "the address is one for functions")
    }
}

fn rights(role: &str, mighty: bool, tables: &str, roles: &BTreeSet<String>) -> Vec<Finding> {
    let missing: Vec<&str> = ROLES
        .into_iter()
        .filter(|name| !roles.contains(*name))
        .collect();
    if mighty {
        let text = format!("{role} is above Row Level Security: log in as memory_orchestrator");
        return vec![Finding::fail("rights", text)];
    }
    if !tables.is_empty() {
        let text =
            format!("{role} may reach tables by itself ({tables}): log in as memory_orchestrator");
        return vec![Finding::fail("rights", text)];
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let text = format!(
            "{role} may not become {missing}: run cargo xtask migrate, and log in as memory_orchestrator"
        );
        return vec![Finding::fail("rights", text)];
    }
    vec![Finding::ok(
        "rights",
        format!("{role} has no more than it needs"),
    )]
}

fn extensions(present: &BTreeSet<String>) -> Vec<Finding> {
    let finding = |(name, without): (&str, &str)| {
        if present.contains(name) {
            Finding::ok("extensions", format!("{name} is there"))
        } else if without.is_empty() {
            Finding::fail(
                "extensions",
                format!("{name} is missing: create extension {name} with schema extensions"),
            )
        } else {
            Finding::warn("extensions", format!("{name} is missing; {without}"))
        }
    };
    EXTENSIONS.into_iter().map(finding).collect()
}
