//! Where a PostgreSQL is and how to log in; the databases on it.

use super::{
    connect::connect,
    error::Error,
    migrate::{self, Options},
    secret::load_or_create,
};
use reqwest::Url;
use std::path::Path;
use tokio_postgres::{Client, error::SqlState};
use uuid::Uuid;

/// The role the functions log in as; the first migration creates it, without a password.
pub const FUNCTION_ROLE: &str = "memory_orchestrator";

/// A PostgreSQL server, ours or somebody else's, and the two logins we use on it.
#[derive(Clone)]
pub struct Cluster {
    admin: Url,
    ca_pem: Option<String>,
    function_password: String,
}

impl Cluster {
    /// A server that we did not start, by the URL of an administrator (`DATABASE_URL`).
    ///
    /// The password of the function role is kept in `state_dir`.
    ///
    /// # Errors
    /// When the URL is not of the form `postgres://user:password@host:port/database`.
    pub fn external(url: &str, ca_pem: Option<String>, state_dir: &Path) -> Result<Self, Error> {
        let admin = Url::parse(url)
            .ok()
            .filter(|u| matches!(u.scheme(), "postgres" | "postgresql") && u.host().is_some())
            .ok_or_else(|| {
                Error::Unavailable(
                    "DATABASE_URL must look like postgres://user:password@host:port/database"
                        .into(),
                )
            })?;
        super::error::create_dir(state_dir)?;
        let function_password = load_or_create(&state_dir.join("function_password"))?;
        Ok(Self {
            admin,
            ca_pem,
            function_password,
        })
    }

    /// A server on this machine.
    pub(crate) fn local(
        port: u16,
        admin_password: &str,
        function_password: String,
        ca_pem: Option<String>,
    ) -> Result<Self, Error> {
        let mode = if ca_pem.is_some() {
            "require"
        } else {
            "disable"
        };
        let url = format!(
            "postgres://{}:{admin_password}@127.0.0.1:{port}/postgres?sslmode={mode}",
            super::server::SUPERUSER
        );
        let admin = Url::parse(&url).map_err(|e| Error::Unavailable(e.to_string()))?;
        Ok(Self {
            admin,
            ca_pem,
            function_password,
        })
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.admin.port().unwrap_or(5432)
    }

    /// The authority that signed its certificate, when it speaks TLS with one of its own.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The password of [`FUNCTION_ROLE`].
    #[must_use]
    pub fn function_password(&self) -> &str {
        &self.function_password
    }

    /// The administrator's name and password, for a pooler in front.
    pub(crate) fn admin_login(&self) -> (&str, &str) {
        (self.admin.username(), self.admin.password().unwrap_or(""))
    }

    /// The database that the URL itself names.
    #[must_use]
    pub fn database(&self) -> Database {
        let name = self.admin.path().trim_start_matches('/');
        let name = if name.is_empty() { "postgres" } else { name };
        self.named(name)
    }

    /// A database of this server that exists already.
    #[must_use]
    pub fn named(&self, name: &str) -> Database {
        Database {
            cluster: self.clone(),
            name: name.into(),
        }
    }

    /// Creates an empty database, or finds the one of that name.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn create_database(&self, name: &str) -> Result<Database, Error> {
        let admin = self.database().admin().await?;
        match admin
            .batch_execute(&format!("create database {}", quote(name)))
            .await
        {
            Err(e) if e.code() == Some(&SqlState::DUPLICATE_DATABASE) => {}
            other => other.map_err(Error::database(format!("create database {name}")))?,
        }
        Ok(self.named(name))
    }

    /// Makes a database by copying another one, to which nobody may be connected.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn clone_database(&self, template: &str, name: &str) -> Result<Database, Error> {
        let admin = self.database().admin().await?;
        let (new, old) = (quote(name), quote(template));
        admin
            .batch_execute(&format!("create database {new} template {old}"))
            .await
            .map_err(Error::database(format!("copy {template} to {name}")))?;
        Ok(self.named(name))
    }

    /// A new migrated database of its own for one test: a copy of a template that is made once for
    /// each state of the migrations.
    ///
    /// # Errors
    /// When the server refuses or a migration fails.
    pub async fn fresh_database(&self, migrations: &Path) -> Result<Database, Error> {
        let template = self.template(migrations).await?;
        let name = format!("{TEST_PREFIX}{}", Uuid::new_v4().simple());
        self.clone_database(&template, &name).await
    }

    async fn template(&self, migrations: &Path) -> Result<String, Error> {
        let name = format!("template_{}", migrate::fingerprint(migrations)?);
        let admin = self.database().admin().await?;
        let failed = || Error::database("prepare the template database");
        // Freed with the connection. Several tests, and processes, may want it at once.
        admin
            .batch_execute("select pg_advisory_lock(7077441)")
            .await
            .map_err(failed())?;
        let known = admin
            .query_opt(
                "select from pg_database where datname = $1 and datistemplate",
                &[&name],
            )
            .await
            .map_err(failed())?;
        if known.is_none() {
            let unfinished = self.named(&name);
            unfinished.drop().await?;
            let database = self.create_database(&name).await?;
            database.prepare(migrations).await?;
            admin
                .batch_execute(&format!(
                    "alter database {} with is_template true allow_connections false",
                    quote(&name)
                ))
                .await
                .map_err(failed())?;
        }
        Ok(name)
    }

    /// Drops what earlier test runs left behind.
    pub(crate) async fn drop_test_databases(&self) -> Result<(), Error> {
        let admin = self.database().admin().await?;
        let failed = || Error::database("drop the databases of earlier tests");
        let names = admin
            .query(
                "select datname from pg_database where starts_with(datname, $1)",
                &[&TEST_PREFIX],
            )
            .await
            .map_err(failed())?;
        for row in names {
            let name: String = row.get(0);
            admin
                .batch_execute(&format!("drop database {} with (force)", quote(&name)))
                .await
                .map_err(failed())?;
        }
        Ok(())
    }
}

/// How the names of the tests' databases begin.
const TEST_PREFIX: &str = "test_";

/// One database of a [`Cluster`].
#[derive(Clone)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server it is on.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The URL for the administrator.
    #[must_use]
    pub fn url(&self) -> String {
        let mut url = self.cluster.admin.clone();
        url.set_path(&self.name);
        url.into()
    }

    /// The URL for the functions, which log in as [`FUNCTION_ROLE`].
    #[must_use]
    pub fn function_url(&self) -> String {
        self.function_url_at(self.cluster.port())
    }

    /// The same through something else on this machine: a pooler, a proxy.
    #[must_use]
    pub fn function_url_at(&self, port: u16) -> String {
        let mut url = self.cluster.admin.clone();
        url.set_path(&self.name);
        if port != self.cluster.port() {
            let _ = url.set_host(Some("127.0.0.1"));
        }
        // These three fail only for a URL without a host, and `external` refuses that.
        let _ = url.set_port(Some(port));
        let _ = url.set_username(FUNCTION_ROLE);
        let _ = url.set_password(Some(&self.cluster.function_password));
        url.into()
    }

    /// Connects as the administrator.
    ///
    /// # Errors
    /// When the server is not reached or refuses.
    pub async fn admin(&self) -> Result<Client, Error> {
        connect(&self.url(), self.cluster.ca_pem()).await
    }

    /// Migrates it, with the local shim where it is needed, and lets the functions log in.
    ///
    /// # Errors
    /// When a migration fails, or the server is not on this machine: there the password of the
    /// functions' role may be in use, and the shim has no place.
    pub async fn prepare(&self, migrations: &Path) -> Result<migrate::Report, Error> {
        let url = self.url();
        let config = url
            .parse()
            .map_err(Error::database("read the database URL"))?;
        if !super::connect::is_local(&config) {
            return Err(Error::Unavailable(
                "only a database on this machine is prepared for development; migrate this one with `xtask migrate`".into(),
            ));
        }
        let options = Options {
            folder: migrations.into(),
            ca_pem: self.cluster.ca_pem.clone(),
            local_shim: true,
        };
        let report = migrate::run(&url, &options).await?;
        self.allow_functions().await?;
        Ok(report)
    }

    /// Sets the password of the functions' role, once the migrations have created it.
    async fn allow_functions(&self) -> Result<(), Error> {
        let admin = self.admin().await?;
        let failed = || Error::database("let the functions log in");
        let role = admin
            .query_opt("select from pg_roles where rolname = $1", &[&FUNCTION_ROLE])
            .await
            .map_err(failed())?;
        if role.is_some() {
            let password = &self.cluster.function_password;
            admin
                .batch_execute(&format!(
                    "alter role {FUNCTION_ROLE} with login password '{password}'"
                ))
                .await
                .map_err(failed())?;
        }
        Ok(())
    }

    /// Drops it if it exists, ending whatever is connected.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn drop(&self) -> Result<(), Error> {
        let admin = self.cluster.database().admin().await?;
        admin
            .batch_execute(&format!(
                "drop database if exists {} with (force)",
                quote(&self.name)
            ))
            .await
            .map_err(Error::database(format!("drop database {}", self.name)))
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
