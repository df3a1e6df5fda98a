//! `cargo xtask openapi`: the OpenAPI document from the code's own types.

use devstack::stack::workspace;
use memory_orchestrator::contract::openapi;

use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fail when the committed document differs instead of writing it
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let file = workspace().join("public/openapi.json");
    let document = serde_json::to_string_pretty(&openapi::document())? + "\n";
    if !arguments.check {
        return Ok(std::fs::write(file, document)?);
    }
    if std::fs::read_to_string(file).ok().as_ref() == Some(&document) {
        Ok(())
    } else {
        Err("public/openapi.json is not what the types say; run cargo xtask openapi".into())
    }
}
