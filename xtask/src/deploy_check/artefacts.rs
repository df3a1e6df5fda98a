//! What both hosts' artefacts have in common: one executable per endpoint, no two the same.

use crate::Error;
use memory_orchestrator::endpoints;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// A function as it would be deployed.
pub(super) struct Artefact {
    /// What a reader knows it by: `api/turns`.
    pub(super) name: String,
    /// Its program.
    pub(super) executable: PathBuf,
}

/// Fails unless there is one per endpoint, each a Linux program of its own. Prints their sizes.
pub(super) fn check(artefacts: &[Artefact]) -> Result<(), Error> {
    let mut programs: BTreeMap<Vec<u8>, &str> = BTreeMap::new();
    for Artefact { name, executable } in artefacts {
        let program = fs::read(executable)
            .map_err(|error| format!("{name}: no program at {}: {error}", executable.display()))?;
        if !program.starts_with(b"\x7fELF") {
            return Err(format!("{name}: not a Linux program").into());
        }
        println!("{name:<28} {:>6} KiB", program.len() / 1024);
        if let Some(twin) = programs.insert(program, name) {
            return Err(format!("{name} and {twin} ship the same program").into());
        }
    }
    let endpoints = endpoints::ALL.len();
    match artefacts.len() == endpoints {
        true => Ok(()),
        false => Err(format!("{} functions for {endpoints} endpoints", artefacts.len()).into()),
    }
}
