//! `sam validate --lint` and `sam build`, with cargo-lambda.

use super::{
    artefacts::{self, Artefact},
    cache, clone, run, target,
};
use crate::Error;
use std::{
    env, fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

const SAM: &str = "aws-sam-cli==1.170.0";
const CARGO_LAMBDA: &str = "cargo-lambda==1.9.2";

/// Builds what `sam deploy` would upload, and looks at it.
pub(crate) async fn check() -> Result<(), Error> {
    let tools = install().await?;
    let folder = clone("sam").await?;
    run(
        "sam validate --lint",
        sam(&tools, &folder)?.args(["validate", "--lint"]),
    )
    .await?;
    run("sam build", sam(&tools, &folder)?.arg("build")).await?;
    let mut functions = Vec::new();
    for entry in fs::read_dir(folder.join(".aws-sam/build"))? {
        let entry = entry?;
        if entry.path().is_dir() {
            functions.push(Artefact {
                name: entry.file_name().to_string_lossy().into_owned(),
                executable: entry.path().join("bootstrap"),
            });
        }
    }
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    artefacts::check(&functions)?;
    println!("sam build: one function per endpoint");
    Ok(())
}

/// Both tools from PyPI, once; zig, the linker that reaches back to an old glibc, comes with them.
async fn install() -> Result<PathBuf, Error> {
    let folder = cache("sam");
    let tools = folder.join("bin");
    let done = folder.join("installed");
    let wanted = format!("{SAM} {CARGO_LAMBDA}");
    if fs::read_to_string(&done).is_ok_and(|text| text == wanted) {
        return Ok(tools);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&folder);
    run("making a Python environment", &mut venv).await?;
    let mut pip = Command::new(tools.join("pip"));
    pip.args([
        "--quiet",
        "--disable-pip-version-check",
        "install",
        SAM,
        CARGO_LAMBDA,
    ]);
    run("fetching SAM, cargo-lambda and zig from PyPI", &mut pip).await?;
    fs::write(done, wanted)?;
    Ok(tools)
}

fn sam(tools: &Path, folder: &Path) -> Result<Command, Error> {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(
        [tools.to_path_buf()]
            .into_iter()
            .chain(env::split_paths(&inherited)),
    )?;
    let mut sam = Command::new(tools.join("sam"));
    sam.current_dir(folder)
        .env("PATH", path)
        .env("CARGO_TARGET_DIR", target())
        .env("SAM_CLI_TELEMETRY", "0")
        // `sam validate` asks for a region, and nothing else of AWS.
        .env("AWS_DEFAULT_REGION", "us-east-1");
    Ok(sam)
}
