//! Cargo's messages, and the two smallest functions as processes.

use super::{Functions, Host, Profile, SpawnSettings, build::artifact, build_package};
use memory_orchestrator::endpoints::Route;
use std::{collections::BTreeMap, time::Duration};

#[test]
fn cargos_message_names_the_source_and_the_executable() {
    let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/api/Cargo.toml",
        "target":{"name":"vercel-session","src_path":"/w/api/sessions/[id].rs"},
        "executable":"/w/target/debug/vercel-session","fresh":true}"#;
    let built = artifact(line).unwrap();
    assert_eq!(built.file, "sessions/[id].rs");
    assert_eq!(built.binary, "vercel-session");
    assert_eq!(
        built.executable.to_str(),
        Some("/w/target/debug/vercel-session")
    );
    assert!(artifact(r#"{"reason":"build-finished","success":true}"#).is_none());
    assert!(artifact("Compiling something").is_none());
}

#[test]
fn a_killed_function_comes_back_as_another_process() {
    let built = build_package("hello-function", Host::Vercel, Profile::Dev).unwrap();
    let route = Route {
        name: "hello",
        path: "/api/hello",
        file: "src/vercel.rs",
    };
    let settings = SpawnSettings {
        env: BTreeMap::from([("MARK".to_owned(), "here".to_owned())]),
        timeout: Duration::from_secs(5),
        ..SpawnSettings::default()
    };
    let functions = Functions::spawn(&built, &[route], &settings).unwrap();
    let first = functions.pids("hello");
    assert_eq!(first.len(), 1);
    #[cfg(target_os = "linux")]
    {
        let environ = std::fs::read(format!("/proc/{}/environ", first[0])).unwrap();
        let environ = String::from_utf8(environ).unwrap();
        assert!(environ.contains("MARK=here"));
        assert!(
            !environ.contains("CARGO_MANIFEST_DIR"),
            "our own environment leaks"
        );
    }

    functions.kill("hello").unwrap();
    assert!(functions.pids("hello").is_empty());
    functions.restart("hello").unwrap();
    let second = functions.pids("hello");
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    assert!(functions.kill("nobody").is_err());
}
