//! Starting a function from nothing, and its first answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime};

use devstack::functions::{BuiltFunction, BuiltFunctions, Functions, Host, SpawnSettings};
use devstack::stack::workspace;
use memory_orchestrator::endpoints::Route;

use super::super::client::{Answer, Connection, Request};
use crate::Error;

/// The only function that the emulator of a measurement knows.
const ROUTE: Route = Route {
    name: "cold",
    path: "/",
    file: "cold",
};

/// A function that does not run.
pub(super) struct Function {
    host: Host,
    built: BuiltFunction,
    env: BTreeMap<String, String>,
}

/// What a function logged.
pub(super) struct Log {
    pub(super) spawned: SystemTime,
    pub(super) text: String,
}

impl Function {
    pub(super) fn new(host: Host, built: &BuiltFunction, env: BTreeMap<String, String>) -> Self {
        Self {
            host,
            built: built.clone(),
            env,
        }
    }

    /// Starts it, asks once, and ends it: the milliseconds from spawn to the answer. `logged`, it
    /// logs all it can.
    pub(super) fn start(
        &self,
        request: &Request,
        logged: bool,
    ) -> Result<(f64, Answer, Log), Error> {
        let file = workspace()
            .join(".dev/bench/cold")
            .join(format!("{}.log", ROUTE.name));
        std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
        // A file's writes would be measured too.
        let mut log = Stdio::null();
        let mut env = self.env.clone();
        if logged {
            env.insert("MEMORY_LOG".to_owned(), "debug".to_owned());
            // An emulator appends: this also empties it.
            log = File::create(&file)?.into();
        }
        let (spawned, time, answer) = match self.host {
            Host::Vercel => self.on_vercel(&env, log, request)?,
            Host::Lambda => self.on_lambda(env, &file, request)?,
        };
        let text = if logged {
            std::fs::read_to_string(&file)?
        } else {
            String::new()
        };
        Ok((time, answer, Log { spawned, text }))
    }

    fn on_vercel(
        &self,
        env: &BTreeMap<String, String>,
        log: Stdio,
        request: &Request,
    ) -> Result<(SystemTime, f64, Answer), Error> {
        let port = devstack::ports::free()?;
        let mut command = Command::new(&self.built.executable);
        command
            .env_clear()
            .envs(env)
            .env("VERCEL", "1")
            .env("VERCEL_DEV_PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(Stdio::null());
        let (spawned, start) = (SystemTime::now(), Instant::now());
        let _process = Process(command.spawn()?);
        let answer = Connection::open(port)?.send(request)?;
        Ok((spawned, start.elapsed().as_secs_f64() * 1e3, answer))
    }

    /// The emulator runs already, and spawns the function with its first event.
    fn on_lambda(
        &self,
        env: BTreeMap<String, String>,
        log: &Path,
        request: &Request,
    ) -> Result<(SystemTime, f64, Answer), Error> {
        let mut built = self.built.clone();
        ROUTE.file.clone_into(&mut built.file);
        let log_dir = log.parent().unwrap_or(log).to_owned();
        let settings = SpawnSettings {
            env,
            log_dir,
            instances: 1,
            ..SpawnSettings::default()
        };
        let built = BuiltFunctions {
            host: Host::Lambda,
            functions: vec![built],
        };
        let functions = Functions::spawn(&built, &[ROUTE], &settings)?;
        let mut connection = Connection::to(&functions.url(ROUTE.name)?)?;
        std::thread::sleep(super::PAUSE);
        let (spawned, start) = (SystemTime::now(), Instant::now());
        let answer = connection.send(request)?;
        let time = start.elapsed().as_secs_f64() * 1e3;
        functions.stop();
        Ok((spawned, time, answer))
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, or it goes now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
