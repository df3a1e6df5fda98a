//! A child process that never outlives us, however we end.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// A running child and its keeper.
///
/// The child has a process group of its own, so that the terminal's Ctrl-C reaches us alone. The keeper
/// is a tiny shell that reads a pipe whose other end we hold. When that end closes, because we dropped
/// it or because we were killed, it sends the child its signal. So a test process that ends without
/// running destructors leaves nothing behind, and no signal needs code of ours.
#[derive(Debug)]
pub(crate) struct Kept {
    child: Child,
    keeper: Child,
    pipe: Option<ChildStdin>,
}

impl Kept {
    /// Starts the command; `signal` (for example `INT`) is how it is asked to stop.
    pub(crate) fn spawn(command: &mut Command, signal: &str) -> io::Result<Self> {
        let mut child = command.process_group(0).stdin(Stdio::null()).spawn()?;
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
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// The process id of the child.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to stop, and after `patience` kills it. Blocking; a second call does nothing.
    pub(crate) fn stop(&mut self, patience: Duration) {
        let Some(pipe) = self.pipe.take() else {
            return;
        };
        if !self.is_running() {
            // Its id may belong to somebody else by now, so the keeper must not signal it.
            let _ = self.keeper.kill();
            let _ = self.keeper.wait();
            return;
        }
        drop(pipe);
        let _ = self.keeper.wait();
        let deadline = Instant::now() + patience;
        while self.is_running() {
            if Instant::now() >= deadline {
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
