//! One instance of a function: started when it is needed, gone when it dies, started again.

use super::{Error, Host, launch::Launch};
use crate::kept::Kept;
use crate::ports;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

/// A debug build on a busy machine; a release build needs milliseconds.
const READY_WITHIN: Duration = Duration::from_secs(15);

/// Starts that may fail, should another program take the port before the function does.
const ATTEMPTS: usize = 3;

/// A process of a function, or the place where one will run.
#[derive(Debug)]
pub(super) struct Instance {
    launch: Launch,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    process: Kept,
    port: u16,
}

impl Instance {
    pub(super) fn new(launch: Launch) -> Self {
        Self {
            launch,
            running: Mutex::new(None),
        }
    }

    /// Its port, if it runs; never waits.
    pub(super) fn port(&self) -> Option<u16> {
        let mut running = self.running.try_lock().ok()?;
        let running = running.as_mut()?;
        running.process.is_running().then_some(running.port)
    }

    /// Its port; starts it first if it does not run. Blocking.
    pub(super) fn started(&self) -> Result<u16, Error> {
        let mut running = self.lock();
        if let Some(alive) = running.as_mut()
            && alive.process.is_running()
        {
            return Ok(alive.port);
        }
        *running = None;
        for _ in 0..ATTEMPTS {
            let port = ports::free().map_err(Error::io("find a port"))?;
            let (mut process, ports) = self.launch.start(port)?;
            if ports.iter().all(|port| wait_for(&mut process, *port)) {
                *running = Some(Running { process, port });
                return Ok(port);
            }
        }
        Err(Error::NotReady(format!(
            "{} did not start; {} ends with:\n{}",
            self.launch.name,
            self.launch.log.display(),
            self.launch.log_tail()
        )))
    }

    /// Ends it. With no patience it is cut off, as when a host loses a machine. Blocking.
    pub(super) fn stop(&self, patience: Duration) {
        if let Some(mut running) = self.lock().take() {
            // The emulator must live long enough to end its function.
            let least = match self.launch.host {
                Host::Vercel => Duration::ZERO,
                Host::Lambda => Duration::from_secs(2),
            };
            running.process.stop(patience.max(least));
        }
    }

    /// The process id of the function itself, if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        let mut running = self.lock();
        let process = &mut running.as_mut()?.process;
        if !process.is_running() {
            return None;
        }
        match self.launch.host {
            Host::Vercel => Some(process.pid()),
            Host::Lambda => child_of(process.pid()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the process came to listen on its port.
fn wait_for(process: &mut Kept, port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + READY_WITHIN;
    while process.is_running() && Instant::now() < deadline {
        if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
            return process.is_running();
        }
        sleep(Duration::from_millis(1));
    }
    false
}

/// The emulator's child: it starts the function with the first event.
fn child_of(emulator: u32) -> Option<u32> {
    let tasks = fs::read_dir(format!("/proc/{emulator}/task")).ok()?;
    tasks.flatten().find_map(|task| {
        let children = fs::read_to_string(task.path().join("children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}
