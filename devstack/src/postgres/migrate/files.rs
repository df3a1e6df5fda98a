//! The migrations of a folder.

use super::{Error, prerequisites};
use sha2::{Digest, Sha256};
use std::path::Path;

/// One file.
pub(super) struct Migration {
    pub(super) version: i32,
    pub(super) name: String,
    /// The name of the file, for messages.
    pub(super) file: String,
    pub(super) sql: String,
    /// SHA-256 of the text, hexadecimal.
    pub(super) checksum: String,
}

/// Reads the folder's `NNNN_name.sql`, which must be numbered 1, 2, 3 without a gap or a double.
pub(super) fn load(folder: &Path) -> Result<Vec<Migration>, Error> {
    let entries = std::fs::read_dir(folder).map_err(Error::at("list", folder))?;
    let mut migrations = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::at("list", folder))?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some(stem) = file.strip_suffix(".sql") else {
            continue;
        };
        let (version, name) = parse(stem).ok_or_else(|| {
            Error::Migration(format!("{file} is not named like 0001_what_it_does.sql"))
        })?;
        let sql = crate::postgres::error::read(&entry.path())?;
        migrations.push(Migration {
            version,
            name: name.to_owned(),
            checksum: hex(&Sha256::digest(sql.as_bytes())),
            file,
            sql,
        });
    }
    migrations.sort_by_key(|migration| migration.version);
    for (expected, migration) in (1..).zip(&migrations) {
        if migration.version != expected {
            return Err(Error::Migration(format!(
                "{} stands where number {expected:04} should be: the numbers must be 1, 2, 3, without a gap or a double",
                migration.file
            )));
        }
    }
    Ok(migrations)
}

/// A short hash over all that makes a migrated database: the migrations and the prerequisites.
///
/// # Errors
/// When the folder is not in order.
pub fn fingerprint(folder: &Path) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    hasher.update(prerequisites::SHIM);
    hasher.update(prerequisites::PGMQ);
    for migration in load(folder)? {
        hasher.update(migration.checksum);
    }
    Ok(hex(&hasher.finalize()[..8]))
}

fn parse(stem: &str) -> Option<(i32, &str)> {
    let (number, name) = stem.split_once('_')?;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if number.len() != 4 || name.is_empty() || !name.bytes().all(plain) {
        return None;
    }
    Some((number.parse().ok()?, name))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_name_is_four_digits_and_plain_words() {
        assert_eq!(parse("0007_add_turns"), Some((7, "add_turns")));
        for bad in [
            "7_x", "0007", "0007_", "0007_Add", "0007-add", "abcd_x", "00071_x",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
