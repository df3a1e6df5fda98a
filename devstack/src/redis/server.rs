//! The process: redis-server on a free port of loopback, with nothing on disk but its log.

use std::{
    fs::{self, File},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{Error, install::find_or_install, pool::Pool, resp::Reply};
use crate::{kept::Kept, ports};

/// How long it may take to answer.
const START_DEADLINE: Duration = Duration::from_secs(10);

/// A running redis-server.
#[derive(Debug)]
pub(super) struct Server {
    process: Option<Kept>,
    pid: u32,
}

impl Server {
    /// Starts it, and sets a random password over the first connection, so that it stands in no file and no
    /// command line. Answers connections that know it.
    pub(super) async fn start(folder: &Path) -> Result<(Self, Pool), Error> {
        let program = tokio::task::spawn_blocking(find_or_install)
            .await
            .map_err(|e| Error::Failed(e.to_string()))??;
        let mut attempts = 3;
        loop {
            attempts -= 1;
            // A free port can be taken by somebody else before the server binds it.
            let port = ports::free().map_err(Error::io("find a free port"))?;
            match Self::start_on(port, &program, folder).await {
                Err(Error::Failed(_)) if attempts > 0 => {}
                started => return started,
            }
        }
    }

    async fn start_on(port: u16, program: &Path, folder: &Path) -> Result<(Self, Pool), Error> {
        fs::create_dir_all(folder).map_err(Error::io(format!("create {}", folder.display())))?;
        let log_path = folder.join(format!("{port}.log"));
        let log =
            File::create(&log_path).map_err(Error::io(format!("create {}", log_path.display())))?;
        let mut command = Command::new(program);
        command
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--save", "", "--appendonly", "no", "--dir", "/"])
            .args(["--databases", "1", "--daemonize", "no"])
            .current_dir("/")
            .stdout(Stdio::from(log))
            .stderr(Stdio::null());
        if let Some((uid, gid)) = lesser_account() {
            command.uid(uid).gid(gid);
        }
        let process = Kept::spawn(&mut command, "TERM").map_err(Error::io("start redis-server"))?;
        let mut server = Self {
            pid: process.pid(),
            process: Some(process),
        };
        let pool = server.ready(port).await.map_err(|why| {
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            Error::Failed(format!("redis-server {why}\n{}", log.trim()))
        })?;
        // Of use only while it runs: a start would leave a file each.
        let _ = fs::remove_file(&log_path);
        Ok((server, pool))
    }

    /// Waits until it answers, and shuts out others.
    async fn ready(&mut self, port: u16) -> Result<Pool, &'static str> {
        let deadline = Instant::now() + START_DEADLINE;
        let ours = format!("process_id:{}\r\n", self.pid);
        let mut pool = Pool::new(port);
        loop {
            if !self.process.as_mut().is_some_and(Kept::is_running) {
                return Err("ended");
            }
            match pool.run(&[words(&["INFO", "server"])]).await.as_deref() {
                Ok([Reply::Bulk(Some(info))]) => {
                    // Somebody else's Redis may sit on that port, and must not be given a password.
                    if !String::from_utf8_lossy(info).contains(&ours) {
                        return Err("is another's");
                    }
                    break;
                }
                Ok(_) => return Err("is another's"),
                Err(_) if Instant::now() > deadline => return Err("does not answer"),
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        let password = Uuid::new_v4().simple().to_string();
        let lock = words(&["CONFIG", "SET", "requirepass", &password]);
        match pool.run(&[lock]).await.as_deref() {
            Ok([Reply::Status(_)]) => {
                pool.authenticate(password);
                Ok(pool)
            }
            _ => Err("takes no password"),
        }
    }

    /// The process id.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Hands the process over to whoever will stop it.
    pub(super) fn take(&mut self) -> Self {
        Self {
            process: self.process.take(),
            pid: self.pid,
        }
    }

    /// Asks it to stop, and after `patience` kills it. Blocking.
    pub(super) fn stop(&mut self, patience: Duration) {
        if let Some(mut process) = self.process.take() {
            process.stop(patience);
        }
    }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Whether we are root. Only Linux is asked: elsewhere nothing is installed and nobody dropped to.
pub(super) fn we_are_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// Whom root drops to: `nobody`, where there is one. Redis needs no rights, it touches no file.
fn lesser_account() -> Option<(u32, u32)> {
    if !we_are_root() {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.strip_prefix("nobody:")?.split(':');
        let uid = fields.nth(1)?.parse().ok()?;
        Some((uid, fields.next()?.parse().ok()?))
    })
}
