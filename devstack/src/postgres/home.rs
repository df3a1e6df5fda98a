//! The folder of a private server: passwords, data, certificate, log.

use super::{
    account::Account,
    cluster::Cluster,
    error::{Error, create_dir, read},
    install::{Installation, remove, run},
    progress::Step,
    secret::load_or_create,
    server::{START_DEADLINE, SUPERUSER, ServerSettings},
};
use crate::certificates::Authority;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

/// The server's folder.
pub(super) struct Home {
    pub(super) account: Account,
    folder: PathBuf,
    admin_password: String,
    function_password: String,
}

impl Home {
    /// Makes the passwords at the first call.
    pub(super) fn open(account: Account, folder: PathBuf) -> Result<Self, Error> {
        let admin_password = load_or_create(&folder.join("superuser_password"))?;
        let function_password = load_or_create(&folder.join("function_password"))?;
        Ok(Self {
            account,
            folder,
            admin_password,
            function_password,
        })
    }

    /// The data directory proper.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    /// What the server said since its last start.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// How to reach a server of this folder.
    pub(super) fn cluster(&self, port: u16) -> Result<Cluster, Error> {
        Cluster::local(port, &self.admin_password, self.function_password.clone())
    }

    /// The server that runs on this folder, if one does. One that is on its way up or down is waited
    /// for; the file of one that died is removed.
    pub(super) async fn running(&self) -> Result<Option<Cluster>, Error> {
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
                let cluster = self.cluster(port)?;
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

    /// Whether a server, answering or not, runs on this folder.
    pub(super) fn is_in_use(&self) -> bool {
        fs::read_to_string(self.data().join("postmaster.pid"))
            .is_ok_and(|text| is_postgres(text.lines().next().unwrap_or_default()))
    }

    /// Runs initdb unless that was done before.
    pub(super) fn initialise(&self, installation: &Installation) -> Result<(), Error> {
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

    /// The settings of the command line; everything else is as initdb left it.
    pub(super) fn configuration(
        &self,
        port: u16,
        settings: &ServerSettings,
    ) -> Result<Vec<String>, Error> {
        let mut all: Vec<String> = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=400",
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
        if let Some(authority) = &settings.tls
            && settings.installation.knows_tls()
        {
            let (certificate, key) = self.certify(authority)?;
            all.push("ssl=on".into());
            all.push(format!("ssl_cert_file={}", certificate.display()));
            all.push(format!("ssl_key_file={}", key.display()));
        }
        all.extend_from_slice(settings.installation.settings());
        Ok(all)
    }

    /// Writes a certificate and its key where the server finds them.
    fn certify(&self, authority: &Authority) -> Result<(PathBuf, PathBuf), Error> {
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
        Ok((certificate, key))
    }

    /// Why the server ended: the end of its log.
    pub(super) fn failure(&self) -> Error {
        let text = read(&self.log()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        Error::Command {
            program: "postgres".into(),
            output: lines[lines.len().saturating_sub(20)..].join("\n"),
        }
    }
}

/// Whether a process of that id runs and is a PostgreSQL, not something that got the number later.
fn is_postgres(pid: &str) -> bool {
    let name = if Path::new("/proc/self").exists() {
        fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default()
    } else {
        run("ps", Command::new("ps").args(["-p", pid, "-o", "comm="])).unwrap_or_default()
    };
    name.trim().ends_with("postgres")
}
