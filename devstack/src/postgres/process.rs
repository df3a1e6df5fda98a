//! A child process that never outlives us, however we end.

use super::error::Error;
use std::{
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// A running child and its keeper.
///
/// The keeper is a tiny shell that reads a pipe whose other end we hold. When that end closes, because
/// we dropped it or because we were killed, it sends the child its signal. So a test process that ends
/// without running destructors leaves nothing behind, and no signal needs code of ours.
#[derive(Debug)]
pub(crate) struct Kept {
    child: Child,
    keeper: Child,
    pipe: Option<ChildStdin>,
}

impl Kept {
    /// Starts the command; `signal` (for example `INT`) is how it is asked to stop.
    pub(crate) fn spawn(command: &mut Command, signal: &str) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|e| Error::io(format!("start {program}"), e))?;
        let keeper = Command::new("sh")
            .args(["-c", "read -r _; kill -s \"$0\" \"$1\" 2>/dev/null", signal])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn();
        match keeper {
            Ok(mut keeper) => {
                let pipe = keeper.stdin.take();
                Ok(Self {
                    child,
                    keeper,
                    pipe,
                })
            }
            Err(e) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(Error::io("start sh", e))
            }
        }
    }

    /// The process id of the child.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Asks it to stop, and after `patience` kills it. Blocking; a second call does nothing.
    pub(crate) fn stop(&mut self, patience: Duration) {
        if self.pipe.take().is_none() {
            return;
        }
        let _ = self.keeper.wait();
        let deadline = Instant::now() + patience;
        while self.ended().is_none() {
            if Instant::now() > deadline {
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(10));
    }
}
