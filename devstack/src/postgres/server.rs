//! A private PostgreSQL server in a folder of its own.

use super::{
    account::Account,
    cluster::Cluster,
    error::{Error, create_dir, read},
    install::{Installation, lock, remove, run},
    process::Kept,
    progress::Step,
    secret::load_or_create,
};
use crate::certificates::Authority;
use std::{
    fs::{self, File},
    net::TcpListener,
    ops::Deref,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

/// The superuser of the private server.
pub(crate) const SUPERUSER: &str = "postgres";

/// How long a start may take; recovery after a crash is part of it.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// What to start.
pub struct ServerSettings {
    /// The programs, from [`install`](super::install::install).
    pub installation: Installation,
    /// The folder for the data, the passwords and the log; made if missing.
    pub data_dir: PathBuf,
    /// The port on 127.0.0.1; a free one if none is given.
    pub port: Option<u16>,
    /// Speak TLS with a certificate of this authority (plain connections are accepted as well).
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
        if let Some(cluster) = home.running(&settings).await? {
            return Ok(Self {
                cluster,
                installation: settings.installation,
                process: None,
            });
        }
        let installation = settings.installation.clone();
        let home = blocking(move || {
            home.initialise(&installation)?;
            Ok(home)
        })
        .await?;
        home.launch(&settings).await
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

/// The server's folder.
struct Home {
    account: Account,
    folder: PathBuf,
    admin_password: String,
    function_password: String,
}

impl Home {
    fn open(account: Account, folder: PathBuf) -> Result<Self, Error> {
        let admin_password = load_or_create(&folder.join("superuser_password"))?;
        let function_password = load_or_create(&folder.join("function_password"))?;
        Ok(Self {
            account,
            folder,
            admin_password,
            function_password,
        })
    }

    fn data(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn cluster(&self, port: u16, tls: Option<&Authority>) -> Result<Cluster, Error> {
        let ca_pem = tls.map(|authority| authority.ca_pem().to_owned());
        Cluster::local(
            port,
            &self.admin_password,
            self.function_password.clone(),
            ca_pem,
        )
    }

    /// The server that runs on this folder, if one does. One that is on its way up or down is waited
    /// for; the file of one that died is removed.
    async fn running(&self, settings: &ServerSettings) -> Result<Option<Cluster>, Error> {
        let file = self.data().join("postmaster.pid");
        let deadline = Instant::now() + START_DEADLINE;
        while let Ok(text) = fs::read_to_string(&file) {
            let mut lines = text.lines();
            let pid = lines.next().unwrap_or_default();
            let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
            if !is_postgres(pid) {
                let _ = fs::remove_file(&file);
                break;
            }
            if let Some(port) = port {
                let cluster = self.cluster(port, settings.tls.as_ref())?;
                if cluster.database().admin().await.is_ok() {
                    return Ok(Some(cluster));
                }
            }
            if Instant::now() > deadline {
                return Err(Error::Unavailable(format!(
                    "process {pid} holds {} and does not answer",
                    self.folder.display()
                )));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(None)
    }

    /// Runs initdb unless that was done before.
    fn initialise(&self, installation: &Installation) -> Result<(), Error> {
        let data = self.data();
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let step = Step::begin(format!("creating a database in {}", self.folder.display()));
        let fresh = self.folder.join("cluster.new");
        remove(&fresh)?;
        create_dir(&fresh)?;
        self.account.own(&fresh, 0o700)?;
        // initdb runs as another user, so it gets a copy of the password that it may read.
        let password_file = self.folder.join("initdb_password");
        fs::write(&password_file, "").map_err(Error::at("write", &password_file))?;
        self.account.own(&password_file, 0o600)?;
        fs::write(&password_file, &self.admin_password)
            .map_err(Error::at("write", &password_file))?;
        let program = installation.program("initdb");
        // The builtin provider came with 17; before it, C.UTF-8 is the C library's.
        let provider: &[&str] = if installation.version()? >= 17 {
            &["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        } else {
            &[]
        };
        let result = run(
            "initdb",
            self.account
                .command(&program)
                .arg("--pgdata")
                .arg(&fresh)
                .args(["--username", SUPERUSER, "--encoding=UTF8"])
                .args(["--locale=C.UTF-8", "--auth=scram-sha-256", "--no-sync"])
                .args(provider)
                .arg(format!("--pwfile={}", password_file.display()))
                .env("TZ", "UTC"),
        );
        let _ = fs::remove_file(&password_file);
        result?;
        remove(&data)?;
        fs::rename(&fresh, &data).map_err(Error::at("move into place", &data))?;
        step.done();
        Ok(())
    }

    async fn launch(&self, settings: &ServerSettings) -> Result<Server, Error> {
        // A free port can be taken by somebody else before the server binds it.
        let mut attempts = if settings.port.is_some() { 1 } else { 3 };
        loop {
            let port = match settings.port {
                Some(port) => port,
                None => free_port()?,
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
        let mut process = Kept::spawn(&mut command, "INT")?;
        let cluster = self.cluster(port, settings.tls.as_ref())?;
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if process.ended().is_some() {
                return Err(self.failure());
            }
            match cluster.database().admin().await {
                Ok(_) => {
                    return Ok(Server {
                        cluster,
                        installation: settings.installation.clone(),
                        process: Some(process),
                    });
                }
                Err(e) if Instant::now() > deadline => return Err(e),
                Err(_) => tokio::time::sleep(Duration::from_millis(15)).await,
            }
        }
    }

    fn configuration(&self, port: u16, settings: &ServerSettings) -> Result<Vec<String>, Error> {
        let mut all: Vec<String> = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=128MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "log_min_messages=warning",
            "log_timezone=UTC",
            "timezone=UTC",
        ]
        .map(String::from)
        .into();
        all.push(format!("port={port}"));
        if settings.fast {
            all.extend(
                [
                    "fsync=off",
                    "synchronous_commit=off",
                    "full_page_writes=off",
                    "max_wal_size=4GB",
                    "checkpoint_timeout=1h",
                ]
                .map(String::from),
            );
        }
        if let Some(authority) = &settings.tls {
            let issued = authority.issue("localhost")?;
            let (certificate, key) = (
                self.folder.join("server.crt"),
                self.folder.join("server.key"),
            );
            fs::write(&certificate, issued.cert_pem).map_err(Error::at("write", &certificate))?;
            self.account.own(&certificate, 0o644)?;
            // The mode comes first, the key second.
            fs::write(&key, "").map_err(Error::at("write", &key))?;
            self.account.own(&key, 0o600)?;
            fs::write(&key, issued.key_pem).map_err(Error::at("write", &key))?;
            all.push("ssl=on".into());
            all.push(format!("ssl_cert_file={}", certificate.display()));
            all.push(format!("ssl_key_file={}", key.display()));
        }
        Ok(all)
    }

    fn failure(&self) -> Error {
        let text = read(&self.log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        Error::Command {
            program: "postgres".into(),
            output: lines[lines.len().saturating_sub(20)..].join("\n"),
        }
    }
}

/// A port that nothing listened on a moment ago.
pub(crate) fn free_port() -> Result<u16, Error> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|e| Error::io("find a free port", e))
}

/// Whether a process of that id runs and is a PostgreSQL, not something that got the number later.
fn is_postgres(pid: &str) -> bool {
    let name = if Path::new("/proc/self").exists() {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()
    } else {
        run(
            "ps",
            std::process::Command::new("ps").args(["-p", pid, "-o", "comm="]),
        )
        .unwrap_or_default()
    };
    name.trim().ends_with("postgres")
}

/// Runs blocking work beside the async tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::Unavailable(e.to_string()))?
}
