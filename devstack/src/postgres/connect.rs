//! Connects as an administrator: migrations, `create database`, tests.

use super::error::Error;
use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{
    Client, Config, NoTls,
    config::{Host, SslMode},
    tls::{MakeTlsConnect, TlsConnect},
};

/// Connects to `url`, and drives the connection in a task of its own.
///
/// With `ca_pem` the server's certificate must come from that authority, and from no other. Without it
/// a server on this machine may speak plainly, and one elsewhere must hold a certificate that the
/// system trusts, unless the URL says `sslmode=disable`.
///
/// # Errors
/// When the URL is malformed, the server is not reached, or it is not the one we trust.
pub async fn connect(url: &str, ca_pem: Option<&str>) -> Result<Client, Error> {
    let mut config: Config = url
        .parse()
        .map_err(Error::database("read the database URL"))?;
    let local = is_local(&config);
    let plain = match config.get_ssl_mode() {
        SslMode::Disable => true,
        SslMode::Prefer => local && ca_pem.is_none(),
        _ => false,
    };
    if plain {
        config.ssl_mode(SslMode::Disable);
        return open(&config, NoTls).await;
    }
    config.ssl_mode(SslMode::Require);
    let mut builder = TlsConnector::builder();
    if let Some(pem) = ca_pem {
        builder.disable_built_in_roots(true);
        builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(Error::Tls)?);
    }
    let connector = builder.build().map_err(Error::Tls)?;
    open(&config, MakeTlsConnector::new(connector)).await
}

/// Whether the server is on this machine.
pub(crate) fn is_local(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    })
}

async fn open<T>(config: &Config, tls: T) -> Result<Client, Error>
where
    T: MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<tokio_postgres::Socket>>::Future: Send,
{
    let place = config.get_hosts().iter().zip(config.get_ports()).next();
    let place = match place {
        Some((Host::Tcp(host), port)) => format!("{host}:{port}"),
        Some((Host::Unix(path), _)) => path.display().to_string(),
        None => String::from("the database"),
    };
    let (client, connection) = config
        .connect(tls)
        .await
        .map_err(Error::database(format!("connect to {place}")))?;
    tokio::spawn(connection);
    Ok(client)
}
