//! `--detach` and `--stop`: a stack in the background, known by the process id in its folder.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Arguments;
use super::place::Place;
use crate::Error;

/// How long a stop may take: the functions' last requests, and Postgres's checkpoint.
const STOP_DEADLINE: Duration = Duration::from_secs(40);

/// Starts this same command in a process group of its own, and returns once it is ready.
pub(crate) fn start(arguments: &Arguments, place: &Place) -> Result<(), Error> {
    if let Some(pid) = running(place) {
        return Err(
            format!("it runs already, as process {pid}; cargo xtask dev --stop ends it").into(),
        );
    }
    if arguments.fresh {
        place.clear()?;
    }
    fs::create_dir_all(&place.folder)?;
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("dev")
        .arg("--json")
        .args(["--host", &arguments.host.to_string()]);
    command.args(["--port", &place.port.to_string()]);
    command.args(["--embedder", arguments.embedder.name()]);
    for (flag, on) in [
        ("--mem0", arguments.mem0),
        ("--pooler", arguments.pooler),
        ("--release", arguments.release),
    ] {
        if on {
            command.arg(flag);
        }
    }
    let log = fs::File::create(place.folder.join("detached.log"))?;
    let mut child = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    fs::write(pid_file(place), child.id().to_string())?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    if line.trim().is_empty() {
        child.wait()?;
        let log = fs::read_to_string(place.folder.join("detached.log")).unwrap_or_default();
        return Err(format!("it did not start:\n{}", log.trim_end()).into());
    }
    if arguments.json {
        print!("{line}");
    } else {
        println!(
            "running in the background as process {}; cargo xtask dev --stop ends it",
            child.id()
        );
    }
    Ok(())
}

/// Ends the stack on `port`, or every one.
pub(crate) fn stop(port: Option<u16>) -> Result<(), Error> {
    let places = port.map_or_else(Place::all, |port| vec![Place::of(port)]);
    let mut stopped = 0;
    for place in &places {
        if let Some(pid) = running(place) {
            signal("-TERM", pid)?;
            let deadline = Instant::now() + STOP_DEADLINE;
            while running(place).is_some() {
                if Instant::now() > deadline {
                    return Err(format!("process {pid} does not end; kill it by hand").into());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            stopped += 1;
        }
        // Gone already where the stack was never detached.
        let _ = fs::remove_file(pid_file(place));
    }
    println!(
        "{}",
        if stopped == 0 {
            "nothing was running"
        } else {
            "stopped"
        }
    );
    Ok(())
}

fn pid_file(place: &Place) -> std::path::PathBuf {
    place.folder.join("pid")
}

/// The process of the stack, if it lives: the id may have gone to another program since.
fn running(place: &Place) -> Option<u32> {
    let pid: u32 = fs::read_to_string(pid_file(place))
        .ok()?
        .trim()
        .parse()
        .ok()?;
    let command = Command::new("ps")
        .args(["-o", "stat=,args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&command.stdout).trim().to_owned();
    (line.contains("xtask") && line.contains(" dev ") && !line.starts_with('Z')).then_some(pid)
}

fn signal(signal: &str, pid: u32) -> Result<(), Error> {
    Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()?;
    Ok(())
}
