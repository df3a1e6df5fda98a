//! Builds the functions with cargo and learns from it where the executables are.

use super::{Error, Host};
use crate::workspace;
use serde_json::Value;
use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// How to compile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Profile {
    /// Fast to build; what tests and development run.
    #[default]
    Dev,
    /// As deployed, with fat LTO: minutes. For benchmarks.
    Release,
}

/// One executable.
#[derive(Debug, Clone)]
pub struct BuiltFunction {
    /// The source of its `main`, relative to the package: `sessions/[id].rs`.
    pub file: String,
    /// The name of the binary: `vercel-session`.
    pub binary: String,
    /// Where cargo put it; absolute.
    pub executable: PathBuf,
}

/// Every executable of one host.
#[derive(Debug, Clone)]
pub struct BuiltFunctions {
    /// The host whose runtime they are linked with.
    pub host: Host,
    /// In no particular order.
    pub functions: Vec<BuiltFunction>,
}

impl BuiltFunctions {
    /// The executable whose `main` stands in `file`.
    #[must_use]
    pub fn of(&self, file: &str) -> Option<&BuiltFunction> {
        self.functions.iter().find(|built| built.file == file)
    }
}

/// Builds every function of a host. Blocking; cargo's own progress appears on stderr.
///
/// # Errors
/// When the code does not compile.
pub fn build(host: Host, profile: Profile) -> Result<BuiltFunctions, Error> {
    build_package(host.package(), host, profile)
}

/// Builds the binaries of any package of the workspace whose names begin with the host's name or end
/// with it: `vercel-turns`, `hello-vercel`.
///
/// # Errors
/// When the code does not compile.
pub fn build_package(package: &str, host: Host, profile: Profile) -> Result<BuiltFunctions, Error> {
    build_binaries(package, host, profile, &[])
}

/// The same for the named binaries alone, or for all where none is named: with fat LTO each takes a
/// minute.
///
/// # Errors
/// When the code does not compile.
pub fn build_binaries(
    package: &str,
    host: Host,
    profile: Profile,
    binaries: &[&str],
) -> Result<BuiltFunctions, Error> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace())
        .args(["build", "--package", package])
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    // What the cargo that runs us told us of our own package: build scripts that watch it (ring's) would
    // run again, and half the tree with them.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    match binaries {
        [] => cargo.arg("--bins"),
        named => cargo.args(named.iter().flat_map(|name| ["--bin", *name])),
    };
    match profile {
        Profile::Release => cargo.arg("--release"),
        // Cargo builds a dependency once per set of its features: with this crate named as well, the
        // set is the one that this process was built with.
        Profile::Dev => cargo.args(["--package", env!("CARGO_PKG_NAME")]),
    };
    let mut child = cargo.spawn().map_err(Error::io("start cargo"))?;
    let mut functions = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(Error::io("read from cargo"))?;
            functions.extend(artifact(&line).filter(|built| is_of(host, &built.binary)));
        }
    }
    let status = child.wait().map_err(Error::io("wait for cargo"))?;
    if !status.success() {
        return Err(Error::Failed(format!("{package} does not build: {status}")));
    }
    Ok(BuiltFunctions { host, functions })
}

fn is_of(host: Host, binary: &str) -> bool {
    binary
        .split('-')
        .any(|part| part == host.to_string().as_str())
}

/// The executable that a line of cargo's output announces, if it does.
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
pub(super) fn artifact(line: &str) -> Option<BuiltFunction> {
    let message: Value = serde_json::from_str(line).ok()?;
    let executable = message["executable"].as_str()?;
    let source = Path::new(message["target"]["src_path"].as_str()?);
    let package = Path::new(message["manifest_path"].as_str()?).parent()?;
    Some(BuiltFunction {
        file: source.strip_prefix(package).ok()?.to_str()?.to_owned(),
        binary: message["target"]["name"].as_str()?.to_owned(),
        executable: executable.into(),
    })
}
