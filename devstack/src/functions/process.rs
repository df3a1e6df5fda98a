//! A child process that never outlives us, however we end.

use super::Error;
use std::{
    os::unix::process::CommandExt,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// A running child and its keeper.
///
/// The child has a process group of its own, so that the terminal's Ctrl-C reaches us alone. The keeper
/// is a shell that waits on a pipe which we hold open; when the pipe closes, because we dropped it or
/// were killed, it sends the child SIGTERM.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    keeper: Child,
    pipe: Option<ChildStdin>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .map_err(Error::io(format!("start {program}")))?;
        let keeper = Command::new("sh")
            .args(["-c", "read -r _; kill -s TERM \"$0\" 2>/dev/null"])
            .arg(child.id().to_string())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
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
                Err(Error::io("start sh")(error))
            }
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGTERM, then SIGKILL once `patience` is over. Blocking; a second call does nothing.
    pub(super) fn stop(&mut self, patience: Duration) {
        let Some(pipe) = self.pipe.take() else {
            return;
        };
        if !self.is_running() {
            // Its id may belong to somebody else by now.
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

impl Drop for Process {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(3));
    }
}
