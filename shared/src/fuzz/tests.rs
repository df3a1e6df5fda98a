use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::TARGETS;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz")).join(name)
}

fn names(folder: PathBuf) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let path = |entry: fs::DirEntry| entry.path();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
    entries.map(path).map(stem).collect()
}

#[test]
fn each_target_has_a_program_and_seeds() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(folder("targets")), targets);
    assert_eq!(names(folder("seeds")), targets);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in &targets {
        let path = format!("path = \"targets/{name}.rs\"");
        assert!(manifest.contains(&path), "{name}");
        let program = fs::read_to_string(folder("targets").join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("fuzz::{name}(data)")), "{name}");
    }
}

/// Seeds, and what once was found: `regressions/<target>/<what it was>`.
#[test]
fn what_is_kept_goes_through_its_target() {
    for (name, target) in TARGETS {
        let mut inputs = 0;
        for kind in ["seeds", "regressions"] {
            let files = fs::read_dir(folder(kind).join(name));
            for file in files.into_iter().flatten() {
                let path = file.unwrap().path();
                // The harness shows it when the target panics.
                println!("{}", path.display());
                target(&fs::read(path).unwrap());
                inputs += 1;
            }
        }
        assert!(inputs > 1, "{name}");
        for nothing in [&b""[..], b"\n", b"\xff\xfe", b"\0\0\0\0\0\0\0\0"] {
            target(nothing);
        }
    }
}
