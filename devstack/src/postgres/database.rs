//! One database: its URLs, and what is done to it as a whole.

use super::{
    cluster::{Cluster, FUNCTION_ROLE, quote},
    connect::{connect, is_local},
    error::Error,
    migrate::{self, Options},
};
use reqwest::Url;
use std::path::Path;
use tokio_postgres::Client;

/// One database of a [`Cluster`].
#[derive(Clone)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    pub(crate) fn new(cluster: Cluster, name: &str) -> Self {
        Self {
            cluster,
            name: name.into(),
        }
    }

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
        let mut url = self.cluster.admin_url().clone();
        url.set_path(&self.name);
        url.into()
    }

    /// The URL for the functions, which log in as [`FUNCTION_ROLE`].
    #[must_use]
    pub fn function_url(&self) -> String {
        self.function_login().into()
    }

    /// The same through something else on this machine: a pooler, a proxy.
    #[must_use]
    pub fn function_url_at(&self, port: u16) -> String {
        at(self.function_login(), port).into()
    }

    /// The URL for the functions with TLS, which must verify against [`Cluster::ca_pem`]; `None` when
    /// the server was started without an authority.
    #[must_use]
    pub fn function_tls_url(&self) -> Option<String> {
        Some(self.function_tls_url_at(self.cluster.tls_port()?))
    }

    /// The same through a proxy on this machine that stands in front of [`Cluster::tls_port`].
    #[must_use]
    pub fn function_tls_url_at(&self, port: u16) -> String {
        let mut url = at(self.function_login(), port);
        url.set_query(Some("sslmode=require"));
        url.into()
    }

    /// The administrator's URL through a pooler on this machine.
    pub(crate) fn admin_url_at(&self, port: u16) -> String {
        let mut url = self.cluster.admin_url().clone();
        url.set_path(&self.name);
        at(url, port).into()
    }

    fn function_login(&self) -> Url {
        let mut url = self.cluster.admin_url().clone();
        url.set_path(&self.name);
        // These fail only for a URL without a host, and there is none.
        let _ = url.set_username(FUNCTION_ROLE);
        let _ = url.set_password(Some(self.cluster.function_password()));
        url
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
        if !is_local(&config) {
            return Err(Error::Unavailable(
                "only a database on this machine is prepared for development; migrate this one with `xtask migrate`".into(),
            ));
        }
        let options = Options {
            folder: migrations.into(),
            ca_pem: self.cluster.ca_pem().map(str::to_owned),
            local_shim: true,
        };
        let report = migrate::run(&url, &options).await?;
        self.allow_functions().await?;
        Ok(report)
    }

    /// Sets the password of the functions' role, once the migrations have created it.
    pub(crate) async fn allow_functions(&self) -> Result<(), Error> {
        let admin = self.admin().await?;
        let failed = || Error::database("let the functions log in");
        let role = admin
            .query_opt("select from pg_roles where rolname = $1", &[&FUNCTION_ROLE])
            .await
            .map_err(failed())?;
        if role.is_some() {
            let password = self.cluster.function_password();
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

/// The URL with another port on this machine.
fn at(mut url: Url, port: u16) -> Url {
    // As above.
    let _ = url.set_host(Some("127.0.0.1"));
    let _ = url.set_port(Some(port));
    url
}
