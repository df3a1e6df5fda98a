//! Connections: TLS, the pool, and noticing the stale ones.

use std::sync::OnceLock;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;

use super::super::{Adapter, Error, ErrorKind};
use super::{Supabase, error};
use crate::config::{ConfigError, Database, env};
use crate::domain::deadline::Deadline;

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

impl Supabase {
    /// A connection that was not closed when it was handed out. One that broke meanwhile shows
    /// itself by its first statement.
    pub(super) async fn connection(&self, deadline: Deadline) -> Result<Object, Error> {
        let pool = self.pool.get().map_err(|fault| {
            Error::new(Adapter::Supabase, ErrorKind::Refused, fault.to_string())
        })?;
        match tokio::time::timeout_at(deadline.instant(), pool.get()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(PoolError::Backend(cause))) => Err(error::classify(&cause)),
            Ok(Err(PoolError::Timeout(_))) | Err(_) => {
                let detail = "no connection before the deadline";
                Err(Error::new(Adapter::Supabase, ErrorKind::Timeout, detail))
            }
            Ok(Err(other)) => Err(Error::new(
                Adapter::Supabase,
                ErrorKind::Unreachable,
                other.to_string(),
            )),
        }
    }
}

/// A pool that is built when it is first needed: its TLS connector costs 2 to 3 ms, which a function
/// that never asks the database had better not pay when it starts.
#[derive(Debug)]
pub(super) struct LazyPool {
    postgres: tokio_postgres::Config,
    tls: bool,
    ca: Option<String>,
    size: usize,
    pool: OnceLock<Pool>,
}

impl LazyPool {
    /// For the configured database, whose URL is well-formed.
    pub(super) fn new(config: Database) -> Result<Self, ConfigError> {
        let (postgres, tls) = parse(config.url.expose())?;
        Ok(Self {
            postgres,
            tls,
            ca: config.ca,
            size: config.pool_size,
            pool: OnceLock::new(),
        })
    }

    /// The pool; an error is a bad root.
    pub(super) fn get(&self) -> Result<&Pool, ConfigError> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let built = self.build()?;
        Ok(self.pool.get_or_init(|| built))
    }

    fn build(&self) -> Result<Pool, ConfigError> {
        let mut postgres = self.postgres.clone();
        postgres.connect_timeout(CONNECT_TIMEOUT);
        postgres.application_name("memory-orchestrator");
        // A frozen function wakes up to connections that the other side closed long ago: a closed one
        // is noticed when it is taken out.
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = if self.tls {
            postgres.ssl_mode(SslMode::Require);
            Manager::from_config(postgres, connector(self.ca.as_deref())?, recycling)
        } else {
            Manager::from_config(postgres, NoTls, recycling)
        };
        Pool::builder(manager)
            .max_size(self.size)
            .create_timeout(Some(CONNECT_TIMEOUT))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|cause| fault(env::DATABASE_POOL_SIZE.name, &cause.to_string()))
    }

    /// Forgets the connections that nobody uses.
    pub(super) fn forget_idle(&self) {
        if let Some(pool) = self.pool.get() {
            pool.retain(|_, _| false);
        }
    }
}

/// The driver's configuration, and whether to use TLS. `sslmode` is read here: the driver does not
/// know `verify-full`, and everything but `disable` means exactly that to us.
fn parse(url: &str) -> Result<(tokio_postgres::Config, bool), ConfigError> {
    let malformed = || fault(env::DATABASE_URL.name, "is not a postgres:// URL");
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    if !(base.starts_with("postgres://") || base.starts_with("postgresql://")) {
        return Err(malformed());
    }
    let mut tls = true;
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", "disable")) => tls = false,
            Some(("sslmode", "prefer" | "require" | "verify-ca" | "verify-full")) => {}
            Some(("sslmode", _)) => {
                return Err(fault(env::DATABASE_URL.name, "has an unknown sslmode"));
            }
            // Supabase's dashboard adds it for other clients.
            Some(("pgbouncer", _)) => {}
            _ => kept.push(pair),
        }
    }
    let mut plain = base.to_owned();
    if !kept.is_empty() {
        plain = format!("{plain}?{}", kept.join("&"));
    }
    // The driver's message quotes what it could not read, which may be the password.
    Ok((plain.parse().map_err(|_| malformed())?, tls))
}

/// One connector per process: building it reads certificates, which is the dearest part of a cold
/// start.
fn connector(ca: Option<&str>) -> Result<MakeTlsConnector, ConfigError> {
    let bad_root = || fault(env::DATABASE_CA_PEM.name, "is not a PEM certificate");
    let mut builder = TlsConnector::builder();
    builder.disable_built_in_roots(true);
    let pem = ca.ok_or_else(|| {
        fault(
            env::DATABASE_CA_PEM.name,
            "is missing, and DATABASE_URL asks for TLS",
        )
    })?;
    for root in Certificate::stack_from_pem(pem.as_bytes()).map_err(|_| bad_root())? {
        builder.add_root_certificate(root);
    }
    builder
        .build()
        .map(MakeTlsConnector::new)
        .map_err(|cause| fault(env::DATABASE_CA_PEM.name, &cause.to_string()))
}

fn fault(variable: &'static str, fault: &str) -> ConfigError {
    ConfigError {
        variable,
        fault: fault.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn tls_is_the_default_and_only_disable_ends_it() {
        for (url, tls) in [
            ("postgres://u:p@h:6543/db", true),
            ("postgresql://u:p@h/db?sslmode=verify-full", true),
            ("postgres://u:p@h/db?sslmode=require&pgbouncer=true", true),
            (
                "postgres://u:p@h/db?sslmode=disable&connect_timeout=2",
                false,
            ),
        ] {
            assert_eq!(parse(url).unwrap().1, tls, "{url}");
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_being_shown() {
        for url in [
            "",
            "mysql://u:hush@h/db",
            "postgres://u:hush@h/db?sslmode=maybe",
            "postgres://u:hush@h:x/",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
