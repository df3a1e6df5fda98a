//! All functions of one host, running here.

use super::{
    BuiltFunctions, Error, Host, Instance, emulator,
    launch::Launch,
    lease::{Lease, Pool},
};
use crate::workspace;
use memory_orchestrator::endpoints::Route;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// How functions run; the default has no environment, 512 MiB and 30 seconds.
#[derive(Debug, Clone)]
pub struct SpawnSettings {
    /// What the functions find in their environment, beside `PATH`, `HOME`, `LANG` and `TMPDIR`.
    pub env: BTreeMap<String, String>,
    /// A file per instance is appended to here: `turns.log`, `turns-1.log`.
    pub log_dir: PathBuf,
    /// On Lambda, the most instances of one function; the first starts now, the others when all are
    /// busy. On Vercel one instance serves all requests.
    pub instances: usize,
    /// What a function is told of its memory, in MiB; nothing enforces it here.
    pub memory_mib: u32,
    /// An invocation that takes longer fails as the host would let it fail; whole seconds on Lambda.
    pub timeout: Duration,
}

impl Default for SpawnSettings {
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            log_dir: workspace().join(".dev/logs"),
            instances: 2,
            memory_mib: 512,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Running functions, by the name of their route; dropped, they end.
#[derive(Debug)]
pub struct Functions {
    host: Host,
    timeout: Duration,
    functions: BTreeMap<String, Function>,
}

#[derive(Debug)]
struct Function {
    instances: Vec<Arc<Instance>>,
    pool: Pool,
}

impl Functions {
    /// Starts one instance per route and waits until each listens. Blocking: milliseconds each, and a
    /// download the first time on Lambda.
    ///
    /// # Errors
    /// When a route has no executable, or one does not start; the text ends with its log.
    pub fn spawn(
        built: &BuiltFunctions,
        routes: &[Route],
        settings: &SpawnSettings,
    ) -> Result<Self, Error> {
        let emulator = match built.host {
            Host::Vercel => None,
            Host::Lambda => Some(emulator::install(&workspace().join(".dev/cache"))?),
        };
        let instances = match built.host {
            Host::Vercel => 1,
            Host::Lambda => settings.instances.max(1),
        };
        let mut functions = BTreeMap::new();
        for route in routes {
            let executable = built.of(route.file).ok_or_else(|| {
                Error::Unknown(format!(
                    "{}: no binary is built from {}",
                    built.host, route.file
                ))
            })?;
            let launch = |number: usize| Launch {
                host: built.host,
                name: route.name.to_owned(),
                executable: executable.executable.clone(),
                emulator: emulator.clone(),
                env: settings.env.clone(),
                log: settings.log_dir.join(match number {
                    0 => format!("{}.log", route.name),
                    n => format!("{}-{n}.log", route.name),
                }),
                memory_mib: settings.memory_mib,
                timeout: settings.timeout,
            };
            let instances: Vec<_> = (0..instances)
                .map(|number| Arc::new(Instance::new(launch(number))))
                .collect();
            instances[0].started()?;
            let function = Function {
                pool: Pool::new(&instances),
                instances,
            };
            functions.insert(route.name.to_owned(), function);
        }
        Ok(Self {
            host: built.host,
            timeout: settings.timeout,
            functions,
        })
    }

    /// Where they run.
    #[must_use]
    pub fn host(&self) -> Host {
        self.host
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The base URL of a function's first instance, past the router: plain HTTP on Vercel, the
    /// emulator's on Lambda. Starts it if it does not run.
    ///
    /// # Errors
    /// When there is no such function or it does not start.
    pub fn url(&self, name: &str) -> Result<String, Error> {
        let port = self.function(name)?.instances[0].started()?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// The process ids of a function's running instances. On Lambda an instance has one only after its
    /// first event.
    #[must_use]
    pub fn pids(&self, name: &str) -> Vec<u32> {
        let instances = self.functions.get(name).map(|f| f.instances.as_slice());
        let instances = instances.unwrap_or_default();
        instances.iter().filter_map(|one| one.pid()).collect()
    }

    /// Cuts off a function, requests in flight included; the next request starts it anew. Blocking.
    ///
    /// # Errors
    /// When there is no such function.
    pub fn kill(&self, name: &str) -> Result<(), Error> {
        for instance in &self.function(name)?.instances {
            instance.stop(Duration::ZERO);
        }
        Ok(())
    }

    /// Kills a function and starts it: a cold start. Blocking.
    ///
    /// # Errors
    /// When there is no such function or it does not start.
    pub fn restart(&self, name: &str) -> Result<(), Error> {
        self.kill(name)?;
        self.function(name)?.instances[0].started().map(drop)
    }

    /// Ends all of them, letting them finish what runs after an answer. Blocking.
    pub fn stop(&self) {
        let all = self.functions.values().flat_map(|f| &f.instances);
        for instance in all {
            instance.stop(Duration::from_secs(3));
        }
    }

    /// An instance for one request, started if need be; on Lambda nobody else has it meanwhile.
    pub(crate) async fn lease(&self, name: &str) -> Result<Lease, Error> {
        let function = self.function(name)?;
        let mut lease = match self.host {
            Host::Vercel => Lease::shared(function.instances[0].clone()),
            Host::Lambda => function
                .pool
                .take()
                .await
                .ok_or_else(|| Error::NotReady("the functions are stopping".into()))?,
        };
        if let Some(port) = lease.instance.port() {
            lease.port = port;
            return Ok(lease);
        }
        let instance = lease.instance.clone();
        lease.port = tokio::task::spawn_blocking(move || instance.started())
            .await
            .map_err(|error| Error::NotReady(error.to_string()))??;
        Ok(lease)
    }

    fn function(&self, name: &str) -> Result<&Function, Error> {
        self.functions
            .get(name)
            .ok_or_else(|| Error::Unknown(format!("no function is called {name}")))
    }
}
