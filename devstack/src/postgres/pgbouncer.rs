//! PgBouncer in transaction mode in front of a server: what Supabase's pooler on port 6543 is like.

use super::{
    account::Account,
    cluster::{Cluster, FUNCTION_ROLE},
    connect::connect,
    database::Database,
    error::{Error, create_dir, read},
    install::{lock, run},
    progress::Step,
};
use crate::{kept::Kept, ports};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// How long PgBouncer may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// What to start.
pub struct PoolerSettings {
    /// The folder for its configuration and log; made if missing.
    pub folder: PathBuf,
    /// The port on 127.0.0.1; a free one if none is given.
    pub port: Option<u16>,
    /// How many connections to the server it keeps for each database and user.
    pub pool_size: u16,
}

/// A running PgBouncer; it stops when the value is dropped, or when this process ends in any way.
pub struct Pooler {
    port: u16,
    process: Kept,
}

impl Pooler {
    /// Makes sure that there is a PgBouncer on this machine. Blocking, for a while the first time.
    ///
    /// # Errors
    /// When it is missing and cannot be installed; the text says how to.
    pub fn ensure_installed() -> Result<(), Error> {
        find_or_install(Account::detect()?).map(drop)
    }

    /// Starts PgBouncer in front of all the databases of a server on this machine, for the functions'
    /// role and the administrator. Where it is missing, root fetches it with apt-get.
    ///
    /// # Errors
    /// When there is no PgBouncer, or it does not become ready in time.
    pub async fn start(cluster: &Cluster, settings: PoolerSettings) -> Result<Self, Error> {
        let account = Account::detect()?;
        let folder = account.reachable(&settings.folder)?;
        let program = tokio::task::spawn_blocking(move || find_or_install(account))
            .await
            .map_err(|e| Error::Unavailable(e.to_string()))??;
        let port = settings.port.map_or_else(ports::free, Ok);
        let port = port.map_err(|e| Error::io("find a free port", e))?;
        let configuration = configure(&folder, account, cluster, port, settings.pool_size)?;

        let log_path = folder.join("pgbouncer.log");
        let log = File::create(&log_path).map_err(Error::at("create", &log_path))?;
        let mut command = account.command(&program);
        // PgBouncer logs to stderr as long as it is given no file.
        command
            .arg(configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::from(log));
        // TERM: leave at once. INT would wait for clients, and in newer versions TERM does too, until
        // `stop` loses its patience.
        let mut process =
            Kept::spawn(&mut command, "TERM").map_err(|e| Error::io("start pgbouncer", e))?;
        let pooler_url = cluster.database().admin_url_at(port);
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            if !process.is_running() {
                return Err(Error::Command {
                    program: "pgbouncer".into(),
                    output: read(&log_path).unwrap_or_default(),
                });
            }
            match connect(&pooler_url, None).await {
                Ok(_) => return Ok(Self { port, process }),
                Err(e) if Instant::now() > deadline => return Err(e),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The URL of a database for the functions, through the pool.
    #[must_use]
    pub fn url_for(&self, database: &Database) -> String {
        database.function_url_at(self.port)
    }

    /// Stops it. Blocking, usually for some milliseconds.
    pub fn stop(mut self) {
        self.process.stop(Duration::from_secs(2));
    }
}

/// Writes `pgbouncer.ini` and the list of users; answers the path of the first.
fn configure(
    folder: &Path,
    account: Account,
    cluster: &Cluster,
    port: u16,
    pool_size: u16,
) -> Result<PathBuf, Error> {
    let users = folder.join("users.txt");
    let (admin, admin_password) = cluster.admin_login()?;
    let function_password = cluster.function_password();
    private(
        account,
        &users,
        &format!(
            "\"{FUNCTION_ROLE}\" \"{function_password}\"\n\"{admin}\" \"{}\"\n",
            admin_password.replace('"', "\"\"")
        ),
    )?;
    let configuration = folder.join("pgbouncer.ini");
    private(
        account,
        &configuration,
        &format!(
            "[databases]\n\
             * = host=127.0.0.1 port={server}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\n\
             listen_port = {port}\n\
             unix_socket_dir =\n\
             auth_type = scram-sha-256\n\
             auth_file = {users}\n\
             pool_mode = transaction\n\
             default_pool_size = {pool_size}\n\
             max_client_conn = 1000\n\
             server_idle_timeout = 3\n\
             server_reset_query =\n\
             log_connections = 0\n\
             log_disconnections = 0\n",
            server = cluster.port(),
            users = users.display(),
        ),
    )?;
    Ok(configuration)
}

/// Writes a file that only the account may read.
fn private(account: Account, path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, "").map_err(Error::at("write", path))?;
    account.own(path, 0o600)?;
    fs::write(path, text).map_err(Error::at("write", path))
}

fn find_or_install(account: Account) -> Result<PathBuf, Error> {
    if let Some(found) = find("pgbouncer") {
        return Ok(found);
    }
    if account == Account::Own || find("apt-get").is_none() {
        return Err(Error::Unavailable(
            "PgBouncer is missing; install it, for example with `sudo apt-get install pgbouncer`"
                .into(),
        ));
    }
    let _lock = lock(&create_dir(&std::env::temp_dir())?.join("memory-orchestrator-apt.lock"))?;
    if let Some(found) = find("pgbouncer") {
        return Ok(found);
    }
    let step = Step::begin("installing pgbouncer with apt-get");
    let apt = |arguments: &[&str]| {
        run(
            "apt-get",
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive")
                // The package would start a service of its own.
                .env("RUNLEVEL", "1"),
        )
    };
    let install = [
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        "pgbouncer",
    ];
    // The lists of a fresh machine are old or empty.
    apt(&["update", "--quiet"])
        .and_then(|_| apt(&install))
        .map_err(|e| Error::Unavailable(format!("PgBouncer is missing, and {e}")))?;
    step.done();
    find("pgbouncer")
        .ok_or_else(|| Error::Unavailable("apt-get installed no pgbouncer that we can find".into()))
}

/// Looks through PATH and where Debian puts daemons.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
