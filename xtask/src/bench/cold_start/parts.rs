//! What the functions talk to while they start: Postgres and QStash, each behind TLS, and plain for
//! comparison.

use std::collections::BTreeMap;

use devstack::certificates::Authority;
use devstack::postgres::{Database, Server};
use devstack::qstash::{Qstash, Settings, TlsIdentity};
use devstack::stack::{tokens, workspace};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use super::super::{database, deliveries};
use crate::Error;

/// Whose turns are recorded; [`database::seed`] removes them.
const RECORDING: Uuid = Uuid::from_u128(52);

/// How a function reaches Postgres and QStash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// As in production.
    Tls,
    /// Without TLS.
    Plain,
    /// Without TLS, Postgres behind a hop that only copies: what the TLS front costs as a hop.
    Hop,
}

pub(super) struct Parts {
    server: Server,
    database: Database,
    authority: Authority,
    secret: Qstash,
    plain: Qstash,
    /// The port of the hop in front of Postgres.
    hop: u16,
    jwt_secret: String,
}

impl Parts {
    pub(super) async fn start() -> Result<Self, Error> {
        let authority = Authority::load_or_create(&workspace().join(".dev/bench/authority"))?;
        let (server, database) = database::start(Some(authority.clone())).await?;
        let issued = authority.issue("localhost")?;
        let identity = TlsIdentity::Pem {
            chain: issued.cert_pem.into_bytes(),
            key: issued.key_pem.into_bytes(),
        };
        let tls = Settings {
            tls: Some(identity),
            ..Settings::default()
        };
        let (secret, plain) = (
            Qstash::start(tls).await?,
            Qstash::start(Settings::default()).await?,
        );
        deliveries::go_nowhere(&secret, Some(authority.ca_pem())).await?;
        deliveries::go_nowhere(&plain, None).await?;
        let hop = hop(server.port()).await?;
        let jwt_secret = Uuid::new_v4().to_string();
        Ok(Self {
            server,
            database,
            authority,
            secret,
            plain,
            hop,
            jwt_secret,
        })
    }

    pub(super) fn token(&self) -> Result<String, Error> {
        tokens::mint(
            &self.jwt_secret,
            Some(RECORDING),
            tokens::USER,
            tokens::HOUR,
        )
    }

    /// A function's environment. The embedder is named, so that turns get a job; nobody asks it.
    pub(super) fn env(&self, road: Road) -> BTreeMap<String, String> {
        let plain = self.database.function_url();
        let (url, qstash) = match road {
            Road::Tls => (
                self.database.function_tls_url().unwrap_or(plain),
                &self.secret,
            ),
            Road::Plain => (plain, &self.plain),
            Road::Hop => (self.database.function_url_at(self.hop), &self.plain),
        };
        let authority = self.authority.ca_pem();
        [
            ("DATABASE_URL", url.as_str()),
            ("DATABASE_CA_PEM", authority),
            ("OUTBOUND_CA_PEM", authority),
            ("SUPABASE_JWT_SECRET", &self.jwt_secret),
            ("MEMORY_PUBLIC_URL", "http://127.0.0.1:3000"),
            ("QSTASH_URL", qstash.url()),
            ("QSTASH_TOKEN", qstash.token()),
            ("EMBEDDINGS_URL", "http://127.0.0.1:9/v1/embeddings"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    pub(super) async fn stop(self) {
        self.secret.stop().await;
        self.plain.stop().await;
        self.server.stop();
    }
}

/// Copies between its clients and a port of this machine, as the TLS front does once it has shaken
/// hands.
async fn hop(target: u16) -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
                client.set_nodelay(true)?;
                server.set_nodelay(true)?;
                copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    Ok(port)
}
