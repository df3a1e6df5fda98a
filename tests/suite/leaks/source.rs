//! What the source logs, read from the source: every call of a macro of `tracing`, with its message and its fields.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use devstack::stack::workspace;

/// Where functions are made of.
const FOLDERS: [&str; 3] = ["shared/src", "api", "functions"];

/// Other ways to say something, which none of it goes.
const OTHER_WAYS: [&str; 8] = [
    "println!",
    "print!",
    "dbg!",
    "[instrument",
    "[tracing::instrument",
    "event!",
    "log::",
    "stdout()",
];

/// A line or a span, as it stands in the source.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// `error` to `trace`; a span's is `span`.
    pub(super) level: String,
    /// The message, or the span's name; `$name` where a macro says it.
    pub(super) message: String,
    pub(super) fields: BTreeSet<String>,
    /// Those that are said by `Debug`, which tells all that a value holds.
    pub(super) by_debug: BTreeSet<String>,
    pub(super) file: String,
}

/// The source without its tests, by file.
fn files() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        collect(&workspace().join(folder), &mut files);
    }
    assert!(files.len() > 50, "no source");
    let named = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap().to_owned();
        let name = path
            .strip_prefix(workspace())
            .unwrap()
            .display()
            .to_string();
        (name, text)
    };
    files.into_iter().map(named).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // No function has these.
        if ["tests", "fuzz"]
            .iter()
            .any(|name| path.file_stem() == Some(OsStr::new(name)))
        {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
}

/// All that is said.
pub(super) fn said() -> Vec<Said> {
    let mut said = Vec::new();
    for (file, text) in files() {
        for (start, word) in [
            ("tracing::error!(", "error"),
            ("tracing::warn!(", "warn"),
            ("tracing::info!(", "info"),
            ("tracing::debug!(", "debug"),
            ("tracing::trace!(", "trace"),
            ("span!(", "span"),
        ] {
            for (place, _) in text.match_indices(start) {
                let arguments = arguments(&text[place + start.len()..]);
                said.push(read(word, &arguments, &file));
            }
        }
    }
    said
}

/// The fields that are recorded in a span later.
pub(super) fn recorded() -> BTreeSet<String> {
    let names = |text: &str| -> Vec<String> {
        let after = text.split(".record(").skip(1);
        after
            .filter_map(|rest| {
                rest.trim_start()
                    .strip_prefix('"')?
                    .split('"')
                    .next()
                    .map(str::to_owned)
            })
            .collect()
    };
    files().iter().flat_map(|(_, text)| names(text)).collect()
}

/// The files that make a text of all that a value holds.
pub(super) fn by_debug() -> Vec<String> {
    let of = |(file, text): (String, String)| text.contains("?}").then_some(file);
    let mut files: Vec<_> = files().into_iter().filter_map(of).collect();
    files.sort();
    files
}

/// Where something is said in another way.
pub(super) fn other_ways() -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in files() {
        for (line, code) in text.lines().enumerate() {
            let code = code.trim_start();
            let way = OTHER_WAYS.iter().find(|way| code.contains(*way));
            if let Some(way) = way.filter(|_| !code.starts_with("//")) {
                found.push(format!("{file}:{}: {way}", line + 1));
            }
        }
    }
    found
}

/// What stands before the bracket that closes, parted at its commas.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = arguments.last_mut() {
            last.push(character);
        }
    }
    let trimmed = arguments.iter().map(|argument| argument.trim().to_owned());
    trimmed.filter(|argument| !argument.is_empty()).collect()
}

fn read(level: &str, arguments: &[String], file: &str) -> Said {
    let mut said = Said {
        level: level.to_owned(),
        message: String::new(),
        fields: BTreeSet::new(),
        by_debug: BTreeSet::new(),
        file: file.to_owned(),
    };
    for argument in arguments {
        if argument.starts_with('"') || argument == "$name" {
            argument.trim_matches('"').clone_into(&mut said.message);
            assert!(
                !argument.contains('{'),
                "{file}: a value in a message, {argument}"
            );
            continue;
        }
        let (name, value) = argument.split_once('=').unwrap_or((argument, argument));
        let name = name.trim().trim_start_matches(['%', '?']).to_owned();
        if value.trim().starts_with('?') {
            said.by_debug.insert(name.clone());
        }
        said.fields.insert(name);
    }
    said
}
