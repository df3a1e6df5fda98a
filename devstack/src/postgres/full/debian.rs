//! Fetches PostgreSQL 15 with pg_cron and all contrib from Debian 12, and builds pgvector for it.
//!
//! Packages are unpacked into a folder of ours and not installed: the machine's own clusters do not
//! notice, and none of it takes root. PostgreSQL finds its files by where its program lies. Debian 12 has
//! no pgvector of this time, so its source comes from Debian 13.

use super::super::{
    account::Account,
    error::{Error, create_dir, read},
    install::{Installation, lock, open_up, remove, run},
    progress::Step,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The folder below the cache; another list of packages takes another name.
const NAME: &str = "debian-postgresql-15-full-1";

/// What is unpacked: the server with contrib, pg_cron, PL/Python for the stand-in of pg_net, and the
/// headers that pgvector is built with.
const PACKAGES: [&str; 6] = [
    "postgresql-15",
    "postgresql-client-15",
    "postgresql-15-cron",
    "postgresql-plpython3-15",
    "postgresql-server-dev-15",
    "libpq-dev",
];

/// Where they come from; apt checks the signatures.
const SOURCES: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main
";

/// What the machine itself must have, and a small Debian may not: libraries, and what builds pgvector.
const NEEDED: [&str; 11] = [
    "gcc",
    "libicu72",
    "libldap-2.5-0",
    "libpq5",
    "libpython3.11",
    "libxml2",
    "libxslt1.1",
    "libc6-dev",
    "make",
    "tar",
    "tzdata",
];

/// Fetches and builds it unless that was done before; `cache` is usually `.dev/cache`.
///
/// Blocking: half a minute the first time. Two processes may call it at once; one waits.
///
/// # Errors
/// [`Error::Unavailable`] where this is not Debian 12, or Debian's archive is not reached.
pub(super) fn install(cache: &Path) -> Result<Installation, Error> {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !system.lines().any(|line| line == "ID=debian")
        || !system.lines().any(|line| line == "VERSION_ID=\"12\"")
    {
        return Err(Error::Unavailable(
            "the full local stack is made of the packages of Debian 12, and this is something else"
                .into(),
        ));
    }
    let account = Account::detect()?;
    let home = account.reachable(&create_dir(cache)?)?;
    let target = home.join(NAME);
    let installation = Installation::at(target.join("usr/lib/postgresql/15/bin"));
    if installation.program("postgres").exists() {
        return Ok(installation);
    }
    let _lock = lock(&home.join(format!("{NAME}.lock")))?;
    if installation.program("postgres").exists() {
        return Ok(installation);
    }

    let step = Step::begin("making PostgreSQL 15 with pg_cron and pgvector from Debian's packages");
    let work = home.join(format!("{NAME}.making"));
    // Left by a run that was killed; nobody else can be at it, we hold the lock.
    remove(&work)?;
    let work = create_dir(&work)?;
    let root = create_dir(&work.join("root"))?;
    let unavailable = |e| Error::Unavailable(format!("PostgreSQL 15 with pg_cron: {e}"));
    let sources = download(&work).map_err(unavailable)?;
    for package in archives(&work, "deb")? {
        let mut command = Command::new("dpkg-deb");
        run("dpkg-deb -x", command.arg("-x").arg(&package).arg(&root))?;
    }
    complete_machine(account, &root).map_err(unavailable)?;
    build_pgvector(&sources, &root)?;
    open_up(&root)?;
    remove(&target)?;
    fs::rename(&root, &target).map_err(Error::at("move into place", &target))?;
    remove(&work)?;
    step.done();
    Ok(installation)
}

/// Downloads the packages and pgvector's source with lists of our own, so that the machine's stay as
/// they are. Answers the archive with the source.
fn download(work: &Path) -> Result<PathBuf, Error> {
    let list = work.join("sources.list");
    fs::write(&list, SOURCES).map_err(Error::at("write", &list))?;
    create_dir(&work.join("lists/partial"))?;
    create_dir(&work.join("archives/partial"))?;
    let apt = |arguments: &[&str]| {
        run(
            "apt-get",
            Command::new("apt-get")
                .arg("--quiet=2")
                .arg(format!("--option=Dir::Etc::SourceList={}", list.display()))
                .arg("--option=Dir::Etc::SourceParts=/dev/null")
                .arg(option("Dir::State::Lists", &work.join("lists")))
                .arg(option("Dir::Cache", work))
                // Without it root would hand the download to a user who cannot write here.
                .arg("--option=APT::Sandbox::User=")
                .args(arguments)
                .current_dir(work),
        )
    };
    apt(&["update"])?;
    apt(&[&["download"], PACKAGES.as_slice()].concat())?;
    apt(&["source", "--download-only", "pgvector"])?;
    archives(work, "orig.tar.gz")?
        .pop()
        .ok_or_else(|| Error::Unavailable("Debian 13 has no source of pgvector".into()))
}

fn option(name: &str, folder: &Path) -> String {
    format!("--option={name}={}", folder.display())
}

/// The files of a folder whose names end so.
fn archives(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::at("list", folder))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::at("list", folder))?.path();
        if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Makes sure that what was unpacked finds its libraries, and that there is a compiler.
fn complete_machine(account: Account, root: &Path) -> Result<(), Error> {
    if is_complete(root) {
        return Ok(());
    }
    if account == Account::Own {
        return Err(Error::Unavailable(format!(
            "something is missing; run `sudo apt-get install {}`",
            NEEDED.join(" ")
        )));
    }
    // The same as PgBouncer's: one apt-get at a time.
    let _lock = lock(&std::env::temp_dir().join("memory-orchestrator-apt.lock"))?;
    let apt = |arguments: &[&str]| {
        run(
            "apt-get",
            Command::new("apt-get")
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "--quiet"])?;
    let install = [
        "install",
        "--yes",
        "--quiet",
        "--no-install-recommends",
        // A PostgreSQL of the machine's own stays at its version.
        "--no-upgrade",
    ];
    apt(&[install.as_slice(), NEEDED.as_slice()].concat()).map(drop)
}

fn is_complete(root: &Path) -> bool {
    let runs = |program: &str| run(program, Command::new(program).arg("--version")).is_ok();
    let library = root.join("usr/lib/postgresql/15/lib");
    let finds_all = |path: &Path| {
        run("ldd", Command::new("ldd").arg(path)).is_ok_and(|said| !said.contains("not found"))
    };
    runs("make")
        && runs("gcc")
        && finds_all(&root.join("usr/lib/postgresql/15/bin/postgres"))
        && ["pg_cron.so", "plpython3.so", "pgxml.so"]
            .iter()
            .all(|name| finds_all(&library.join(name)))
}

fn build_pgvector(archive: &Path, root: &Path) -> Result<(), Error> {
    let source = create_dir(&root.with_file_name("pgvector"))?;
    let unpack = ["--extract", "--strip-components=1", "--file"];
    run(
        "tar",
        Command::new("tar")
            .args(unpack)
            .arg(archive)
            .arg("--directory")
            .arg(&source),
    )?;
    let config = root.join("usr/lib/postgresql/15/bin/pg_config");
    for goal in ["all", "install"] {
        run(
            "make",
            Command::new("make")
                .arg(goal)
                .arg("--jobs=2")
                // The bitcode would need clang, and serves the just-in-time compiler only.
                .arg("with_llvm=no")
                .arg(format!("PG_CONFIG={}", config.display()))
                .current_dir(&source)
                .env_remove("DESTDIR"),
        )?;
    }
    // The licence asks to go along.
    let licence = read(&source.join("LICENSE"))?;
    let kept = root.join("usr/share/doc/pgvector-LICENSE");
    fs::write(&kept, licence).map_err(Error::at("write", &kept))
}
