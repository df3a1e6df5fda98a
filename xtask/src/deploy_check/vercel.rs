//! `vercel build`, offline.

use super::{
    artefacts::{self, Artefact},
    cache, clone, files, run, target,
};
use crate::Error;
use memory_orchestrator::endpoints;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

const VERSION: &str = "64.0.2";

/// The most functions that a deployment may have on the Hobby plan.
const MOST_FUNCTIONS: usize = 12;

/// What must not be published.
const SOURCES: [&str; 4] = ["rs", "sql", "toml", "lock"];

/// Builds what `vercel deploy --prebuilt` would upload, and looks at it.
pub(crate) async fn check() -> Result<(), Error> {
    let vercel = install().await?;
    let folder = clone("vercel").await?;
    // Stands in for `vercel link`, which needs an account.
    fs::create_dir_all(folder.join(".vercel"))?;
    let project = json!({"projectId": "prj_local", "orgId": "team_local", "settings": {}});
    fs::write(folder.join(".vercel/project.json"), project.to_string())?;
    let mut build = Command::new(vercel);
    build
        .current_dir(&folder)
        .args(["build", "--yes"])
        // As on Vercel's own machines: without zig, for this machine's architecture.
        .env("VERCEL_BUILD_IMAGE", "1")
        .env("VERCEL_TELEMETRY_DISABLED", "1")
        .env("CARGO_TARGET_DIR", target());
    run("vercel build", &mut build).await?;
    let output = folder.join(".vercel/output");
    artefacts::check(&functions(&folder, &output)?)?;
    check_static(&output.join("static"))?;
    println!("vercel build: one function per endpoint, no source among the static files");
    Ok(())
}

/// The Vercel CLI, from npm, once.
async fn install() -> Result<PathBuf, Error> {
    let folder = cache("vercel-cli");
    let program = folder.join("node_modules/.bin/vercel");
    // One of its dependencies is pinned to a version that not every mirror of npm carries.
    let package = json!({
        "private": true,
        "dependencies": {"vercel": VERSION},
        "overrides": {"sandbox": "4.5.0"},
    })
    .to_string();
    let manifest = folder.join("package.json");
    let same = fs::read_to_string(&manifest).is_ok_and(|text| text == package);
    if !same || !program.exists() {
        fs::create_dir_all(&folder)?;
        fs::write(&manifest, package)?;
        let mut npm = Command::new("npm");
        npm.current_dir(&folder)
            .args(["install", "--no-audit", "--no-fund", "--silent"]);
        run(
            "fetching the Vercel CLI from npm, 360 MB unpacked",
            &mut npm,
        )
        .await?;
    }
    Ok(program)
}

/// The functions of a build: one per endpoint where its route wants it.
/// <https://vercel.com/docs/build-output-api/primitives#vercel-functions>
fn functions(folder: &Path, output: &Path) -> Result<Vec<Artefact>, Error> {
    let below = output.join("functions");
    let configs = files(&below)?;
    let mut names: Vec<String> = configs
        .iter()
        .filter(|file| file.ends_with(".vc-config.json"))
        .filter_map(|file| {
            file.parent()?
                .to_str()?
                .strip_suffix(".func")
                .map(str::to_owned)
        })
        .collect();
    if names.len() > MOST_FUNCTIONS {
        return Err(format!(
            "{} functions; the Hobby plan allows {MOST_FUNCTIONS}",
            names.len()
        )
        .into());
    }
    let mut artefacts = Vec::new();
    for endpoint in endpoints::ALL {
        let name = format!("api/{}", endpoint.route.file.trim_end_matches(".rs"));
        let place = names.iter().position(|found| *found == name);
        names.swap_remove(place.ok_or_else(|| format!("no function for {name}"))?);
        let function = below.join(format!("{name}.func"));
        let config: Value = serde_json::from_slice(&fs::read(function.join(".vc-config.json"))?)?;
        if config["runtime"] != "executable" || config["handler"] != "executable" {
            return Err(format!("{name} is no program: {config}").into());
        }
        // A file that was not copied into the function is named with its place, from the project's root.
        let executable = match config["filePathMap"]["executable"].as_str() {
            Some(path) => folder.join(path),
            None => function.join("executable"),
        };
        let binary = format!("vercel-{}", endpoint.route.name);
        if executable
            .file_name()
            .is_some_and(|file| file != binary.as_str() && file != "executable")
        {
            return Err(format!("{name} ships {}", executable.display()).into());
        }
        artefacts.push(Artefact { name, executable });
    }
    match names.is_empty() {
        true => Ok(artefacts),
        false => Err(format!("functions without an endpoint: {names:?}").into()),
    }
}

fn check_static(folder: &Path) -> Result<(), Error> {
    let published = files(folder)?;
    let source = published.iter().find(|file| {
        let extension = file.extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| SOURCES.contains(&extension))
    });
    if let Some(file) = source {
        return Err(format!("source is published: {}", file.display()).into());
    }
    match published.contains(&PathBuf::from("openapi.json")) {
        true => Ok(()),
        false => Err("openapi.json is not published".into()),
    }
}
