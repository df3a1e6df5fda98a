//! How the functions are linked: the build script of `api` and of `functions`.
//!
//! A position-independent executable has some 33,000 addresses to relocate at each start, most of
//! them in OpenSSL's tables: 0.7 ms of a cold start, and 640 KB of every instance that is no longer
//! shared with the file. So release functions are linked to a fixed address, as Go's are by default.
//! The price: the executable itself is not randomised; stack, heap and libraries still are.

fn main() {
    println!("cargo::rerun-if-changed=../link.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") == "linux" && variable("PROFILE") == "release" {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
