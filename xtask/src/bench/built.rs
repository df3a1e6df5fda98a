//! The functions of a host, some of them as they are deployed.

use devstack::functions::{BuiltFunctions, Host, Profile, build, build_binaries};

use crate::Error;

/// The named functions in the release profile, which takes fat LTO and minutes; the others as they
/// are at hand. Blocking.
pub(super) fn functions(host: Host, released: &[&str]) -> Result<BuiltFunctions, Error> {
    let binaries: Vec<String> = released
        .iter()
        .map(|name| format!("{host}-{name}"))
        .collect();
    let binaries: Vec<&str> = binaries.iter().map(String::as_str).collect();
    let release = build_binaries(host.package(), host, Profile::Release, &binaries)?;
    let mut all = build(host, Profile::Dev)?;
    for function in release.functions {
        all.functions
            .retain(|other| other.binary != function.binary);
        all.functions.push(function);
    }
    Ok(all)
}
