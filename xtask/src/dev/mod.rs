//! `cargo xtask dev`: the whole stack, here, until Ctrl-C.

mod detached;
mod place;
mod welcome;

use devstack::functions::{self, Host, Profile};
use devstack::postgres::{
    Cluster, Database, Pooler, PoolerSettings, Server, ServerSettings, install,
};
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};

use self::place::Place;
pub(crate) use self::place::jwt_secret;
use self::welcome::Ready;
use crate::Error;

/// The port of the router unless another is asked for.
const PORT: u16 = 3000;

#[derive(clap::Args, Clone)]
pub(crate) struct Arguments {
    /// The host whose binaries run: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// The port of the API on 127.0.0.1 [default: 3000]
    #[arg(long)]
    port: Option<u16>,
    /// lexical (instant), minilm (real, minutes to build the first time) or none
    #[arg(long, default_value = "lexical")]
    embedder: EmbedderChoice,
    /// Start a fake of Mem0 too, that keeps each turn as a fact
    #[arg(long)]
    mem0: bool,
    /// Put PgBouncer in transaction mode between the functions and Postgres
    #[arg(long)]
    pooler: bool,
    /// Build the functions as they are deployed
    #[arg(long)]
    release: bool,
    /// Begin with an empty database
    #[arg(long)]
    fresh: bool,
    /// Print one line of JSON once ready
    #[arg(long)]
    json: bool,
    /// Leave it running in the background
    #[arg(long)]
    detach: bool,
    /// Stop what --detach left running (all of it, or what is on --port)
    #[arg(long)]
    stop: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    if arguments.stop {
        return detached::stop(arguments.port);
    }
    let place = Place::of(arguments.port.unwrap_or(PORT));
    if arguments.detach {
        return detached::start(&arguments, &place);
    }
    let running = start(&arguments, &place).await?;
    let ready = Ready::of(&running, &place)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&ready)?);
    } else {
        println!("{}", ready.welcome());
    }
    until_told_to_stop().await?;
    eprintln!("stopping; the data stays in {}", place.folder.display());
    running.stop().await;
    Ok(())
}

/// Everything that was started, in the order in which it is stopped.
struct Running {
    stack: Stack,
    pooler: Option<Pooler>,
    database: Database,
    /// None when the database is somebody else's.
    server: Option<Server>,
}

impl Running {
    async fn stop(self) {
        self.stack.stop().await;
        if let Some(pooler) = self.pooler {
            pooler.stop();
        }
        if let Some(server) = self.server {
            server.stop();
        }
    }
}

async fn start(arguments: &Arguments, place: &Place) -> Result<Running, Error> {
    let port = place.port;
    if std::net::TcpListener::bind(("127.0.0.1", port)).is_err() {
        return Err(format!(
            "port {port} is taken; stop what runs there, or choose another with --port"
        )
        .into());
    }
    if arguments.fresh {
        place.clear()?;
    }
    let profile = if arguments.release {
        Profile::Release
    } else {
        Profile::Dev
    };
    let host = arguments.host;
    let built = tokio::task::spawn_blocking(move || functions::build(host, profile)).await??;

    let (server, cluster) = database(place).await?;
    let database = cluster.database();
    let report = database.prepare(&workspace().join("migrations")).await?;
    if !report.applied.is_empty() {
        eprintln!("migrated: {} applied", report.applied.len());
    }
    let pooler = if arguments.pooler {
        let settings = PoolerSettings {
            folder: place.folder.join("pgbouncer"),
            port: None,
            pool_size: 4,
        };
        Some(Pooler::start(&cluster, settings).await?)
    } else {
        None
    };
    let database_url = pooler.as_ref().map_or_else(
        || database.function_url(),
        |pooler| pooler.url_for(&database),
    );
    let stack = Stack::start(StackSettings {
        functions: built,
        port: Some(port),
        database_url,
        database_ca: cluster.ca_pem().map(str::to_owned),
        jwt_secret: jwt_secret()?,
        embedder: arguments.embedder,
        qstash_time_scale: 1.0,
        qstash_faults: std::sync::Arc::new(devstack::qstash::faults::NoFaults),
        redis: true,
        mem0: arguments.mem0,
        sweeps: true,
        log_dir: place.folder.join("logs"),
        env: std::collections::BTreeMap::new(),
    })
    .await?;
    Ok(Running {
        stack,
        pooler,
        database,
        server,
    })
}

/// `DATABASE_URL`'s server, or a private one.
async fn database(place: &Place) -> Result<(Option<Server>, Cluster), Error> {
    if let Ok(url) = std::env::var("DATABASE_URL")
        && !url.is_empty()
    {
        let ca = std::env::var("DATABASE_CA_PEM")
            .ok()
            .filter(|pem| !pem.is_empty());
        return Ok((None, Cluster::external(&url, ca, &place.folder)?));
    }
    let cache = workspace().join(".dev/cache");
    let installation = tokio::task::spawn_blocking(move || install(&cache)).await??;
    let server = Server::start(ServerSettings {
        installation,
        data_dir: place.folder.join("postgres"),
        port: None,
        tls: None,
        fast: false,
    })
    .await?;
    let cluster = (*server).clone();
    Ok((Some(server), cluster))
}

/// Ctrl-C, or the signal that `--stop` sends.
async fn until_told_to_stop() -> Result<(), Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}
