//! Where a PostgreSQL is, how to log in, and the making of its databases.

use super::{connect::is_local, database::Database, error::Error, migrate, secret::load_or_create};
use reqwest::Url;
use std::path::Path;
use tokio_postgres::{Config, error::SqlState};
use uuid::Uuid;

/// The role the functions log in as; the first migration creates it, without a password.
pub const FUNCTION_ROLE: &str = "memory_orchestrator";

/// A PostgreSQL server, ours or somebody else's, and the two logins we use on it.
#[derive(Clone)]
pub struct Cluster {
    admin: Url,
    function_password: String,
    ca_pem: Option<String>,
    /// Where the private server speaks TLS.
    tls_port: Option<u16>,
}

impl Cluster {
    /// A server that we did not start, by the URL of an administrator (`DATABASE_URL`).
    ///
    /// The password of the function role is kept in `state_dir`.
    ///
    /// # Errors
    /// When the URL is not of the form `postgres://user:password@host:port/database`.
    pub fn external(url: &str, ca_pem: Option<String>, state_dir: &Path) -> Result<Self, Error> {
        let mut admin = Url::parse(url)
            .ok()
            .filter(|u| matches!(u.scheme(), "postgres" | "postgresql") && u.host().is_some())
            .ok_or_else(|| {
                Error::Unavailable(
                    "DATABASE_URL must look like postgres://user:password@host:port/database"
                        .into(),
                )
            })?;
        // Without a word about TLS a server on this machine is spoken to plainly, as `connect` does; the
        // functions would insist on it.
        let config: Config = url.parse().map_err(Error::database("read DATABASE_URL"))?;
        if is_local(&config) && ca_pem.is_none() && !url.contains("sslmode=") {
            admin.query_pairs_mut().append_pair("sslmode", "disable");
        }
        super::error::create_dir(state_dir)?;
        let function_password = load_or_create(&state_dir.join("function_password"))?;
        Ok(Self {
            admin,
            function_password,
            ca_pem,
            tls_port: None,
        })
    }

    /// A server on this machine.
    pub(crate) fn local(
        port: u16,
        admin_password: &str,
        function_password: String,
    ) -> Result<Self, Error> {
        let url = format!(
            "postgres://{}:{admin_password}@127.0.0.1:{port}/postgres?sslmode=disable",
            super::server::SUPERUSER
        );
        let admin = Url::parse(&url).map_err(|e| Error::Unavailable(e.to_string()))?;
        Ok(Self {
            admin,
            function_password,
            ca_pem: None,
            tls_port: None,
        })
    }

    /// The same server, which also speaks TLS.
    pub(crate) fn with_tls(mut self, port: u16, ca_pem: &str) -> Self {
        self.tls_port = Some(port);
        self.ca_pem = Some(ca_pem.to_owned());
        self
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.admin.port().unwrap_or(5432)
    }

    /// The port on which it speaks TLS, when it was started with an authority.
    #[must_use]
    pub fn tls_port(&self) -> Option<u16> {
        self.tls_port
    }

    /// The authority that signed its certificate, PEM, when that is not one the system trusts.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The password of [`FUNCTION_ROLE`].
    #[must_use]
    pub fn function_password(&self) -> &str {
        &self.function_password
    }

    /// The administrator's URL.
    pub(crate) fn admin_url(&self) -> &Url {
        &self.admin
    }

    /// The administrator's name and password, for a pooler in front.
    pub(crate) fn admin_login(&self) -> Result<(String, String), Error> {
        // This parser undoes the percent encoding.
        let config: Config = self
            .admin
            .as_str()
            .parse()
            .map_err(Error::database("read the database URL"))?;
        let password = String::from_utf8_lossy(config.get_password().unwrap_or_default());
        let user = config.get_user().unwrap_or_default().to_owned();
        Ok((user, password.into_owned()))
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
        Database::new(self.clone(), name)
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
        // Copying files forces checkpoints, which cost nothing on a fast server: 20 to 45 ms against
        // 40 to 70 for the default, which writes each page to the log.
        admin
            .batch_execute(&format!(
                "create database {new} template {old} strategy file_copy"
            ))
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
        let name = format!("{TEMPLATE_PREFIX}{}", migrate::fingerprint(migrations)?);
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

    /// Drops what earlier test runs left behind, and the templates when migrations that changed often
    /// have left many.
    pub(crate) async fn drop_test_databases(&self) -> Result<(), Error> {
        let admin = self.database().admin().await?;
        let failed = || Error::database("drop the databases of earlier tests");
        let rows = admin
            .query(
                "select datname, datistemplate from pg_database
                 where starts_with(datname, $1) or starts_with(datname, $2)",
                &[&TEST_PREFIX, &TEMPLATE_PREFIX],
            )
            .await
            .map_err(failed())?;
        let (templates, tests): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| row.get::<_, bool>(1));
        let old = if templates.len() > MANY_TEMPLATES {
            templates
        } else {
            Vec::new()
        };
        for row in tests.into_iter().chain(old) {
            let name = quote(row.get(0));
            for statement in [
                format!("alter database {name} is_template false"),
                format!("drop database {name} with (force)"),
            ] {
                admin.batch_execute(&statement).await.map_err(failed())?;
            }
        }
        Ok(())
    }
}

/// How the names of the templates begin.
const TEMPLATE_PREFIX: &str = "template_";

/// More templates than this are cleared away; each is some 10 MB.
const MANY_TEMPLATES: usize = 8;

/// How the names of the tests' databases begin.
const TEST_PREFIX: &str = "test_";

/// Quotes an identifier.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
