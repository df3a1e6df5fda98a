//! Random passwords that outlive a run.

use super::error::Error;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use uuid::Uuid;

/// 244 random bits as hexadecimal digits, so that it needs no quoting anywhere.
pub(crate) fn random() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// The secret in `path`, made at the first call; nobody else may read the file.
pub(crate) fn load_or_create(path: &Path) -> Result<String, Error> {
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(mut file) => {
            let secret = random();
            file.write_all(secret.as_bytes())
                .map_err(Error::at("write", path))?;
            Ok(secret)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => super::error::read(path),
        Err(e) => Err(Error::at("create", path)(e)),
    }
}
