//! Where a development stack keeps what outlives it: one folder per port.

use std::fs;
use std::path::{Path, PathBuf};

use devstack::stack::workspace;
use uuid::Uuid;

use crate::Error;

/// The folder of the stack on one port.
pub(crate) struct Place {
    /// The router's port.
    pub(crate) port: u16,
    /// `.dev/stack-<port>`
    pub(crate) folder: PathBuf,
}

impl Place {
    pub(crate) fn of(port: u16) -> Self {
        Self {
            port,
            folder: home().join(format!("stack-{port}")),
        }
    }

    /// Every place that was ever used.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir(home()).into_iter().flatten().flatten();
        let port = |name: &str| name.strip_prefix("stack-")?.parse().ok();
        entries
            .filter_map(|entry| port(&entry.file_name().to_string_lossy()))
            .map(Self::of)
            .collect()
    }

    /// Empties it.
    pub(crate) fn clear(&self) -> Result<(), Error> {
        devstack::postgres::erase(&self.folder.join("postgres"))?;
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }
}

/// The secret that signs the tokens of every development stack here, made the first time: a token
/// outlives a restart, and is good on any port.
pub(crate) fn jwt_secret() -> Result<String, Error> {
    let file = home().join("jwt_secret");
    if let Ok(secret) = fs::read_to_string(&file) {
        return Ok(secret);
    }
    fs::create_dir_all(home())?;
    let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    write_private(&file, &secret)?;
    Ok(secret)
}

fn home() -> PathBuf {
    workspace().join(".dev")
}

/// Readable by its owner alone.
fn write_private(file: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut opened = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)?;
    Ok(opened.write_all(text.as_bytes())?)
}
