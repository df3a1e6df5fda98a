//! `cargo xtask test`: every test of the project.

use std::process::Command;

use devstack::postgres::Pooler;
use devstack::stack::workspace;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed on to the tests, as in `-- turns`
    #[arg(last = true)]
    filter: Vec<String>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let filter = || arguments.filter.iter().map(String::as_str);
    cargo(
        ["test", "--workspace", "--"].into_iter().chain(filter()),
        false,
    )?;
    if let Err(missing) = Pooler::ensure_installed() {
        eprintln!("skipped: the black-box suite through PgBouncer: {missing}");
        return Ok(());
    }
    // Whatever passes on a connection of one's own has to pass on anybody's.
    eprintln!("the black-box suite once more, through PgBouncer in transaction mode");
    cargo(
        ["test", "--workspace", "--test", "suite", "--"]
            .into_iter()
            .chain(filter()),
        true,
    )
}

/// Always the whole workspace, so that cargo sees one set of features and compiles once.
fn cargo<'a>(arguments: impl Iterator<Item = &'a str>, pooler: bool) -> Result<(), Error> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace()).args(arguments);
    if pooler {
        cargo.env("SUITE_POOLER", "1");
    }
    if cargo.status()?.success() {
        Ok(())
    } else {
        Err("tests failed".into())
    }
}
