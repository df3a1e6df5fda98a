//! The parts together, on a real server.

mod full;
mod migrating;
mod prerequisites;
mod serving;

use super::{Cluster, Database, Error, Server, migrate::Options, shared};
use std::{
    fs,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// The shared server, or `None` with a line that says why it cannot be had here.
pub(super) async fn server() -> Option<&'static Server> {
    match shared().await {
        Ok(server) => Some(server),
        Err(Error::Unavailable(reason)) => {
            crate::skipped(&reason);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// An empty database of its own.
pub(super) async fn empty(cluster: &Cluster) -> Database {
    let name = format!("test_{}", Uuid::new_v4().simple());
    cluster.create_database(&name).await.unwrap()
}

/// A folder of migrations that is removed in the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn with(files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("migrations-{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        let folder = Self(path);
        for (name, sql) in files {
            folder.write(name, sql);
        }
        folder
    }

    pub(super) fn write(&self, name: &str, sql: &str) {
        fs::write(self.0.join(name), sql).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn options(&self, cluster: &Cluster) -> Options {
        Options {
            folder: self.0.clone(),
            ca_pem: cluster.ca_pem().map(str::to_owned),
            local_shim: true,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The function role, as the first real migration makes it, and a table.
pub(super) const FIRST: (&str, &str) = (
    "0001_first.sql",
    "do $$ begin
       create role memory_orchestrator login noinherit;
     exception when duplicate_object or unique_violation then
       null; -- Roles belong to the server, and another test may be at it.
     end $$;
     create table things (id int primary key, owner uuid default auth.uid());
     grant select on things to memory_orchestrator;
     insert into things select generate_series(1, 10);",
);
