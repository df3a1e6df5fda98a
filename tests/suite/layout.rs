//! One list of endpoints, and everything that has to agree with it: the mains, the binaries, what
//! the two hosts deploy.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use devstack::stack::workspace;
use memory_orchestrator::config::env;
use memory_orchestrator::endpoints;
use serde_json::Value;

/// Vercel's Hobby plan takes no more functions in a deployment.
const MOST_FUNCTIONS: usize = 12;

const HOSTS: [(&str, &str); 2] = [("vercel", "api"), ("lambda", "functions")];

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

/// The Rust sources below a folder, relative to it.
fn sources(folder: &Path, base: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, base, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.insert(
                path.strip_prefix(base)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned(),
            );
        }
    }
}

/// `(name, path)` of each `[[bin]]`.
fn binaries(manifest: &str) -> Vec<(String, String)> {
    let value = |section: &str, key: &str| {
        let line = section
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        line.unwrap().split('"').nth(1).unwrap().to_owned()
    };
    let sections = manifest.split("[[bin]]").skip(1);
    sections
        .map(|section| (value(section, "name"), value(section, "path")))
        .collect()
}

#[test]
fn both_hosts_have_a_main_and_a_binary_per_endpoint_and_no_other() {
    let mut names = BTreeSet::new();
    for (host, folder) in HOSTS {
        let mut files = BTreeSet::new();
        let folder_path = workspace().join(folder);
        sources(&folder_path, &folder_path, &mut files);
        let expected: BTreeSet<_> = endpoints::ALL
            .iter()
            .map(|endpoint| endpoint.route.file.to_owned())
            .collect();
        assert_eq!(files, expected, "{folder}/");

        let built = binaries(&read(&format!("{folder}/Cargo.toml")));
        let mut expected: Vec<_> = endpoints::ALL
            .iter()
            .map(|endpoint| {
                (
                    format!("{host}-{}", endpoint.route.name),
                    endpoint.route.file.to_owned(),
                )
            })
            .collect();
        let mut sorted = built.clone();
        sorted.sort();
        expected.sort();
        assert_eq!(sorted, expected, "{folder}/Cargo.toml");
        // Of two binaries with one name, Vercel ships the wrong one without a word.
        for (name, _) in built {
            assert!(names.insert(name.clone()), "{name} twice");
        }
    }
    assert!(endpoints::ALL.len() <= MOST_FUNCTIONS);
}

#[test]
fn no_other_binary_of_the_workspace_has_a_functions_name() {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.current_dir(workspace()).args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version=1",
    ]);
    let metadata: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let mut names: Vec<_> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|package| package["targets"].as_array().unwrap())
        .filter(|target| target["kind"][0] == "bin")
        .map(|target| target["name"].as_str().unwrap())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

#[test]
fn a_main_has_one_line_and_serves_the_endpoint_of_its_place() {
    for (host, folder) in HOSTS {
        for endpoint in endpoints::ALL {
            let file = format!("{folder}/{}", endpoint.route.file);
            let text = read(&file);
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            let serves = format!("host::{host}::serve(&endpoints::");
            let meaning: Vec<_> = lines
                .iter()
                .filter(|line| line.contains("::serve("))
                .collect();
            assert!(
                matches!(meaning[..], [line] if line.starts_with(&serves) && line.ends_with("::ENDPOINT)")),
                "{file}"
            );
            assert!(
                lines[0].contains(&format!("`{}`", endpoint.route.path)),
                "{file}: {}",
                lines[0]
            );
            let code = lines
                .iter()
                .filter(|line| !line.is_empty() && !line.starts_with("//"));
            assert_eq!(code.count(), 4, "{file}: a use, main, its line and its end");
        }
        // The same but for the host's name.
        let module = |folder: &str, file: &str| {
            let text = read(&format!("{folder}/{file}"));
            text.split("endpoints::")
                .nth(1)
                .unwrap()
                .split("::ENDPOINT")
                .next()
                .unwrap()
                .to_owned()
        };
        for endpoint in endpoints::ALL {
            let file = endpoint.route.file;
            assert_eq!(module(folder, file), module("api", file), "{file}");
        }
    }
}

#[test]
fn the_sam_template_deploys_every_endpoint_at_its_path() {
    let template = read("template.yaml");
    let after = |line: &str, mark: &str| {
        let rest = line.split(mark).nth(1)?;
        Some(
            rest.split([' ', ',', '}'])
                .next()?
                .trim_matches('"')
                .to_owned(),
        )
    };
    // A path's parameter has braces of its own.
    let path = |line: &str| Some(line.split("Path: \"").nth(1)?.split('"').next()?.to_owned());
    let binaries: Vec<_> = template
        .lines()
        .filter_map(|line| after(line, "Binary: "))
        .collect();
    let paths: Vec<_> = template.lines().filter_map(path).collect();
    let deployed: BTreeSet<_> = binaries.into_iter().zip(paths).collect();
    let expected: BTreeSet<_> = endpoints::ALL
        .iter()
        .map(|endpoint| {
            (
                format!("lambda-{}", endpoint.route.name),
                endpoint.route.path.to_owned(),
            )
        })
        .collect();
    assert_eq!(deployed, expected);
}

#[test]
fn the_sam_template_hands_over_every_variable_that_is_not_for_one_host() {
    let template = read("template.yaml");
    for variable in memory_orchestrator::config::env::ALL {
        let name = variable.name;
        // The pool's default is right for one request at a time.
        if name != "DATABASE_POOL_SIZE" {
            assert!(template.contains(&format!("{name}: !Ref ")), "{name}");
        }
    }
}

#[test]
fn vercels_file_speaks_of_functions_that_exist() {
    let settings: Value = serde_json::from_str(&read("vercel.json")).unwrap();
    for pattern in settings["functions"].as_object().unwrap().keys() {
        let fits = |file: &str| {
            let (start, _) = pattern.split_once('*').unwrap_or((pattern.as_str(), ""));
            format!("api/{file}").starts_with(start)
        };
        assert!(
            endpoints::ALL
                .iter()
                .any(|endpoint| fits(endpoint.route.file)),
            "{pattern}"
        );
    }
    assert_eq!(
        settings["outputDirectory"], "public",
        "sources would be published"
    );
    assert!(workspace().join("public").is_dir());
}

#[test]
fn the_readme_lists_every_variable_and_no_other() {
    let readme = read("README.md");
    let listed: Vec<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(name, _)| name)
        .filter(|name| !name.bytes().any(|b| b.is_ascii_lowercase()))
        .collect();
    let known: Vec<_> = env::ALL.iter().map(|variable| variable.name).collect();
    assert_eq!(listed, known);
}
