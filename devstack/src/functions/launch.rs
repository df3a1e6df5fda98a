//! The command that starts one instance of a function, on either host.

use super::{Error, Host};
use crate::kept::Kept;
use std::{
    collections::BTreeMap,
    env,
    fs::{File, OpenOptions},
    path::PathBuf,
    process::Command,
    time::Duration,
};

/// Of our own environment, only what any program needs; a function sees nothing else by accident.
const INHERITED: [&str; 4] = ["HOME", "LANG", "PATH", "TMPDIR"];

/// Everything needed to start one instance, again and again.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) host: Host,
    pub(super) name: String,
    pub(super) executable: PathBuf,
    /// On Lambda only.
    pub(super) emulator: Option<PathBuf>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) log: PathBuf,
    pub(super) memory_mib: u32,
    pub(super) timeout: Duration,
}

impl Launch {
    /// Starts a process that will listen on `port` of 127.0.0.1, or end; and all the ports that it
    /// must listen on before it is ready. The emulator opens its two in no order.
    pub(super) fn start(&self, port: u16) -> Result<(Kept, Vec<u16>), Error> {
        let mut ports = vec![port];
        let mut command = match &self.emulator {
            None => self.vercel(port),
            Some(emulator) => {
                let runtime_api = crate::ports::free().map_err(Error::io("find a port"))?;
                ports.push(runtime_api);
                self.lambda(emulator, port, runtime_api)
            }
        };
        let log = self.open_log()?;
        let log_too = log.try_clone().map_err(Error::io("open the log twice"))?;
        let process = Kept::spawn(command.stdout(log).stderr(log_too), "TERM")
            .map_err(Error::io(format!("start {}", self.executable.display())))?;
        Ok((process, ports))
    }

    /// Vercel's runtime reads the port from `VERCEL_DEV_PORT` and speaks plain HTTP.
    fn vercel(&self, port: u16) -> Command {
        let mut command = self.command(&self.executable);
        command
            .env("VERCEL", "1")
            .env("VERCEL_ENV", "development")
            .env("VERCEL_DEV_PORT", port.to_string());
        command
    }

    /// The emulator hands its own environment to the function, and adds `AWS_LAMBDA_RUNTIME_API`.
    fn lambda(&self, emulator: &PathBuf, port: u16, runtime_api: u16) -> Command {
        let mut command = self.command(emulator);
        command
            .args(["--log-level", "error"])
            .args(["--runtime-api-address", &format!("127.0.0.1:{runtime_api}")])
            .args([
                "--runtime-interface-emulator-address",
                &format!("127.0.0.1:{port}"),
            ])
            .arg(&self.executable)
            .env("AWS_LAMBDA_FUNCTION_NAME", &self.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env(
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                self.memory_mib.to_string(),
            )
            .env(
                "AWS_LAMBDA_FUNCTION_TIMEOUT",
                self.timeout.as_secs().max(1).to_string(),
            )
            .env("AWS_REGION", "us-east-1");
        command
    }

    fn command(&self, program: &PathBuf) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        command.envs(
            INHERITED
                .iter()
                .filter_map(|name| Some((name, env::var_os(name)?))),
        );
        command.envs(&self.env);
        command
    }

    fn open_log(&self) -> Result<File, Error> {
        if let Some(folder) = self.log.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io("create the log folder"))?;
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(Error::io(format!("open {}", self.log.display())))
    }

    /// The last lines of the log, for an error's text.
    pub(super) fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}
