//! A private PostgreSQL server in a folder of its own.

use super::{
    account::Account,
    cluster::Cluster,
    error::Error,
    home::Home,
    install::{Installation, lock, remove},
    tls_front::TlsFront,
};
use crate::{certificates::Authority, kept::Kept, ports};
use std::{
    fs::File,
    ops::Deref,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

/// The superuser of the private server.
pub(crate) const SUPERUSER: &str = "postgres";

/// How long a start may take; recovery after a crash is part of it.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(60);

/// What to start.
pub struct ServerSettings {
    /// The programs, from [`install`](super::install::install).
    pub installation: Installation,
    /// The folder for the data, the passwords and the log; made if missing.
    pub data_dir: PathBuf,
    /// The port on 127.0.0.1; a free one if none is given.
    pub port: Option<u16>,
    /// Speak TLS as well, with a certificate of this authority, on [`Cluster::tls_port`].
    pub tls: Option<Authority>,
    /// For tests: no flush to disk. What survives a crash of the machine is not to be trusted.
    pub fast: bool,
}

/// A running server; it stops when the value is dropped, or when this process ends in any way.
///
/// It derefs to its [`Cluster`], which knows its databases.
pub struct Server {
    cluster: Cluster,
    installation: Installation,
    process: Option<Kept>,
    /// Ends TLS where the server cannot.
    _front: Option<TlsFront>,
}

impl Deref for Server {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Server {
    /// Starts a server on the folder, or joins the one that runs on it already.
    ///
    /// # Errors
    /// When the server cannot be set up or does not become ready in time.
    pub async fn start(settings: ServerSettings) -> Result<Self, Error> {
        let account = Account::detect()?;
        let home = account.reachable(&settings.data_dir)?;
        let lock_path = home.join("start.lock");
        let _lock = blocking(move || lock(&lock_path)).await?;
        let home = Home::open(account, home)?;
        if let Some(cluster) = home.running().await? {
            return Self::with_tls(cluster, &settings, None).await;
        }
        let installation = settings.installation.clone();
        let home = blocking(move || {
            home.initialise(&installation)?;
            Ok(home)
        })
        .await?;
        home.launch(&settings).await
    }

    /// A build that knows TLS speaks it on its own port; the others get a front.
    async fn with_tls(
        cluster: Cluster,
        settings: &ServerSettings,
        process: Option<Kept>,
    ) -> Result<Self, Error> {
        let (mut cluster, mut front) = (cluster, None);
        if let Some(authority) = &settings.tls {
            let failed = || Error::database("ask the server whether it speaks TLS");
            let admin = cluster.database().admin().await?;
            let row = admin.query_one("show ssl", &[]).await.map_err(failed())?;
            let port = if row.get::<_, &str>(0) == "on" {
                cluster.port()
            } else {
                front
                    .insert(TlsFront::start(cluster.port(), authority)?)
                    .port()
            };
            cluster = cluster.with_tls(port, authority.ca_pem());
        }
        Ok(Self {
            cluster,
            installation: settings.installation.clone(),
            process,
            _front: front,
        })
    }

    /// Whether another process started it; then [`Server::stop`] leaves it alone.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.process.is_none()
    }

    /// The programs it runs.
    #[must_use]
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    /// The process id, if we started it.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Kept::pid)
    }

    /// Ends all connections and stops it. Blocking, usually for less than 100 ms.
    pub fn stop(mut self) {
        if let Some(process) = &mut self.process {
            process.stop(Duration::from_secs(20));
        }
    }
}

impl Home {
    async fn launch(&self, settings: &ServerSettings) -> Result<Server, Error> {
        // A free port can be taken by somebody else before the server binds it.
        let mut attempts = if settings.port.is_some() { 1 } else { 3 };
        loop {
            let port = match settings.port {
                Some(port) => port,
                None => ports::free().map_err(|e| Error::io("find a free port", e))?,
            };
            attempts -= 1;
            match self.launch_on(port, settings).await {
                Err(e) if attempts == 0 => return Err(e),
                Err(_) => {}
                started => return started,
            }
        }
    }

    async fn launch_on(&self, port: u16, settings: &ServerSettings) -> Result<Server, Error> {
        let log = File::create(self.log()).map_err(Error::at("create", &self.log()))?;
        let errors = log.try_clone().map_err(Error::at("open", &self.log()))?;
        let program = settings.installation.program("postgres");
        let mut command = self.account.command(&program);
        command.arg("-D").arg(self.data());
        for setting in self.configuration(port, settings)? {
            command.arg("-c").arg(setting);
        }
        command.stdout(Stdio::from(log)).stderr(Stdio::from(errors));
        // INT is the "fast" shutdown: roll back, flush, leave.
        let mut process =
            Kept::spawn(&mut command, "INT").map_err(|e| Error::io("start postgres", e))?;
        let cluster = self.cluster(port)?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if !process.is_running() {
                return Err(self.failure());
            }
            match cluster.database().admin().await {
                Ok(_) => {
                    // Somebody may have changed the password meanwhile.
                    cluster.database().allow_functions().await?;
                    return Server::with_tls(cluster, settings, Some(process)).await;
                }
                Err(e) if Instant::now() > deadline => return Err(e),
                Err(_) => tokio::time::sleep(Duration::from_millis(15)).await,
            }
        }
    }
}

/// Removes all that a server left in its folder, wherever that really is; for a fresh start.
///
/// # Errors
/// When a server runs on it, or the files cannot be removed.
pub fn erase(data_dir: &Path) -> Result<(), Error> {
    let folder = Account::detect()?.reachable(data_dir)?;
    let _lock = lock(&folder.join("start.lock"))?;
    if Home::open(Account::Own, folder.clone())?.is_in_use() {
        return Err(Error::Unavailable(format!(
            "a server runs on {}; stop it first",
            folder.display()
        )));
    }
    remove(&folder)
}

/// Runs blocking work beside the async tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::Unavailable(e.to_string()))?
}
