//! Builds the targets so that they report which branches an input takes.

use std::path::PathBuf;
use std::process::Command;

use devstack::stack::workspace;

use crate::Error;

/// What `cargo fuzz --sanitizer none` passes: LLVM's coverage passes, which the stable compiler has too. Safe code gains
/// nothing from the sanitizers, which it has not.
///
/// Source: cargo-fuzz 0.13, `src/project.rs`.
const FLAGS: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
];

/// Builds them, and returns the folder of the programs. Minutes the first time.
pub(super) fn build(targets: &[String]) -> Result<PathBuf, Error> {
    // With a target named, build scripts and macros are compiled without the flags.
    let host = host()?;
    let folder = workspace().join("fuzz");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(&folder)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .args(["build", "--release", "--target-dir", "target"])
        .args(["--target", &host]);
    for target in targets {
        command.args(["--bin", target]);
    }
    eprintln!("building {} (minutes the first time)", targets.join(", "));
    if command.status()?.success() {
        Ok(folder.join("target").join(host).join("release"))
    } else {
        Err("the targets do not build".into())
    }
}

fn host() -> Result<String, Error> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let said = String::from_utf8(output.stdout)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host
        .ok_or("rustc does not say for what it compiles")?
        .to_owned())
}
