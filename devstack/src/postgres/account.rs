//! Who runs the server: PostgreSQL and PgBouncer refuse root, so root hands them to a lesser user.

use super::error::Error;
use sha2::{Digest, Sha256};
use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
};

/// The user a child process runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Ourselves: we are not root.
    Own,
    /// An unprivileged user that root drops to.
    Lesser { uid: u32, gid: u32 },
}

impl Account {
    /// Finds out whether we are root, and if so whom to drop to (`nobody`).
    pub(crate) fn detect() -> Result<Self, Error> {
        let probe = Command::new("id")
            .arg("-u")
            .output()
            .map_err(|e| Error::io("run `id -u`", e))?;
        if String::from_utf8_lossy(&probe.stdout).trim() != "0" {
            return Ok(Self::Own);
        }
        let passwd = super::error::read(Path::new("/etc/passwd"))?;
        passwd
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(':');
                let name = fields.next()?;
                let uid = fields.nth(1)?.parse().ok()?;
                let gid = fields.next()?.parse().ok()?;
                (name == "nobody").then_some(Self::Lesser { uid, gid })
            })
            .next()
            .ok_or_else(|| {
                Error::Unavailable(
                    "PostgreSQL refuses to run as root, and there is no user `nobody` to drop to"
                        .into(),
                )
            })
    }

    /// A command that will run as this account, in a process group of its own so that Ctrl-C in the
    /// terminal reaches us and not it.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.process_group(0);
        if let Self::Lesser { uid, gid } = self {
            command.uid(uid).gid(gid).current_dir("/");
        }
        command
    }

    /// Gives a file or folder (not what is in it) to this account, with the mode given.
    pub(crate) fn own(self, path: &Path, mode: u32) -> Result<(), Error> {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(Error::at("chmod", path))?;
        match self {
            Self::Own => Ok(()),
            Self::Lesser { uid, gid } => {
                chown(path, Some(uid), Some(gid)).map_err(Error::at("chown", path))
            }
        }
    }

    /// Where a folder that this account must reach can really be.
    ///
    /// `nobody` cannot enter a checkout below, say, a root-only home; then it is a folder of the same
    /// name under `/var/tmp/memory-orchestrator-<hash of the wanted folder's parent>`, and a line says so.
    pub(crate) fn reachable(self, wanted: &Path) -> Result<PathBuf, Error> {
        let wanted = super::error::create_dir(wanted)?;
        if self == Self::Own || wanted.ancestors().all(open_to_others) {
            return Ok(wanted);
        }
        let parent = wanted.parent().unwrap_or(&wanted);
        let digest = Sha256::digest(parent.as_os_str().as_encoded_bytes());
        let tag: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        let base = PathBuf::from(format!("/var/tmp/memory-orchestrator-{tag}"));
        let fallback = match wanted.file_name() {
            Some(name) => base.join(name),
            None => base.clone(),
        };
        let fallback = super::error::create_dir(&fallback)?;
        // Anybody may write to /var/tmp, so make sure that the folder is really ours.
        let found = fs::metadata(&base).map_err(Error::at("look at", &base))?;
        if found.uid() != 0 || !fallback.starts_with(&base) {
            return Err(Error::Unavailable(format!(
                "{} belongs to somebody else",
                base.display()
            )));
        }
        for folder in [&base, &fallback] {
            fs::set_permissions(folder, Permissions::from_mode(0o755))
                .map_err(Error::at("chmod", folder))?;
        }
        super::progress::say(&format!(
            "note: {} cannot be reached by an unprivileged user; using {}",
            wanted.display(),
            fallback.display()
        ));
        Ok(fallback)
    }
}

fn open_to_others(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0)
}
