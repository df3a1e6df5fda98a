//! `cargo xtask test`: every test of the project.

use std::process::Command;

use devstack::stack::workspace;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to the tests, as in `-- turns`
    #[arg(last = true)]
    filter: Vec<String>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).args(["test", "--workspace", "--"]).args(&arguments.filter);
    if cargo.status()?.success() { Ok(()) } else { Err("tests failed".into()) }
}
