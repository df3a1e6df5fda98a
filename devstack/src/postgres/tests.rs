//! The parts together, on a real server.

use super::{
    Cluster, Database, Error, Server, ServerSettings, connect,
    migrate::{self, Options, State},
    shared,
};
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
            eprintln!("skipped: {reason}");
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

    fn write(&self, name: &str, sql: &str) {
        fs::write(self.0.join(name), sql).unwrap();
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn options(&self, cluster: &Cluster) -> Options {
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
       if not exists (select from pg_roles where rolname = 'memory_orchestrator') then
         create role memory_orchestrator login noinherit;
       end if;
     end $$;
     create table things (id int primary key, owner uuid default auth.uid());
     grant select on things to memory_orchestrator;
     insert into things select generate_series(1, 10);",
);

#[tokio::test]
async fn migrating_twice_applies_each_file_once() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[
        FIRST,
        ("0002_second.sql", "alter table things add note text;"),
    ]);
    let database = empty(server).await;
    let options = folder.options(server);

    let first = migrate::run(&database.url(), &options).await.unwrap();
    assert_eq!(first.applied.len(), 2);
    assert_eq!(first.prerequisites.len(), 2);
    let second = migrate::run(&database.url(), &options).await.unwrap();
    assert_eq!((second.applied.len(), second.known), (0, 2));
    assert!(second.prerequisites.is_empty());

    folder.write("0003_third.sql", "drop table things;");
    let states: Vec<_> = migrate::status(&database.url(), &options)
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.state)
        .collect();
    assert!(matches!(
        states[..],
        [State::Applied { .. }, State::Applied { .. }, State::Pending]
    ));
}

#[tokio::test]
async fn two_runners_at_once_apply_each_file_once() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = empty(server).await;
    let (url, options) = (database.url(), folder.options(server));
    let (one, two) = tokio::join!(migrate::run(&url, &options), migrate::run(&url, &options));
    assert_eq!(one.unwrap().applied.len() + two.unwrap().applied.len(), 1);
}

#[tokio::test]
async fn a_changed_or_missing_file_is_refused_by_name() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = empty(server).await;
    let options = folder.options(server);
    migrate::run(&database.url(), &options).await.unwrap();

    folder.write(FIRST.0, "select 1;");
    let error = migrate::run(&database.url(), &options).await.unwrap_err();
    assert!(
        error.to_string().contains("0001_first.sql was changed"),
        "{error}"
    );
    let entries = migrate::status(&database.url(), &options).await.unwrap();
    assert_eq!(entries[0].state, State::Changed);

    fs::remove_file(folder.path().join(FIRST.0)).unwrap();
    let error = migrate::run(&database.url(), &options).await.unwrap_err();
    assert!(error.to_string().contains("migration 1 (first)"), "{error}");
    let entries = migrate::status(&database.url(), &options).await.unwrap();
    assert_eq!(entries[0].state, State::Missing);
}

#[tokio::test]
async fn a_failing_migration_leaves_nothing_of_itself() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[
        FIRST,
        ("0002_bad.sql", "create table more (id int); select 1 / 0;"),
    ]);
    let database = empty(server).await;
    let options = folder.options(server);
    let error = migrate::run(&database.url(), &options).await.unwrap_err();
    assert!(error.to_string().contains("0002_bad.sql"), "{error}");
    assert_eq!(error.sqlstate().unwrap().code(), "22012");

    let admin = database.admin().await.unwrap();
    let left: (bool, i64) = admin
        .query_one(
            "select to_regclass('more') is null, (select count(*) from memories_migrations.applied)",
            &[],
        )
        .await
        .map(|row| (row.get(0), row.get(1)))
        .unwrap();
    assert_eq!(left, (true, 1));
}

#[tokio::test]
async fn a_file_must_not_end_the_transaction() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[("0001_bad.sql", "create table more (id int); commit;")]);
    let database = empty(server).await;
    let error = migrate::run(&database.url(), &folder.options(server))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("0001_bad.sql contains"),
        "{error}"
    );
}

#[tokio::test]
async fn numbers_are_dense_and_unique() {
    for files in [["0001_a.sql", "0003_c.sql"], ["0001_a.sql", "0001_b.sql"]] {
        let folder = Folder::with(&files.map(|name| (name, "select 1;")));
        let error = migrate::fingerprint(folder.path()).unwrap_err();
        assert!(error.to_string().contains("without a gap"), "{error}");
    }
}

#[tokio::test]
async fn without_leave_the_shim_is_not_applied() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = empty(server).await;
    let options = Options {
        local_shim: false,
        ..folder.options(server)
    };
    let error = migrate::run(&database.url(), &options).await.unwrap_err();
    assert!(
        error.to_string().contains("auth.uid() is missing"),
        "{error}"
    );
}

#[tokio::test]
async fn a_foreign_auth_schema_is_left_alone() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = empty(server).await;
    let admin = database.admin().await.unwrap();
    admin
        .batch_execute(
            "create schema auth;
             create function auth.uid() returns uuid language sql as 'select null::uuid';",
        )
        .await
        .unwrap();
    migrate::run(&database.url(), &folder.options(server))
        .await
        .unwrap();
    let row = admin
        .query_one("select to_regclass('auth.users') is null", &[])
        .await
        .unwrap();
    assert!(row.get::<_, bool>(0));
}

#[tokio::test]
async fn the_shim_reads_claims_as_supabase_does() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = server.fresh_database(folder.path()).await.unwrap();
    let admin = database.admin().await.unwrap();
    let id = Uuid::new_v4();
    let claims = format!(r#"{{"sub":"{id}","role":"authenticated"}}"#);
    let row = admin
        .query_one(
            "with claims as materialized (select set_config('request.jwt.claims', $1, false))
             select auth.uid(), auth.role(), auth.jwt() ->> 'sub' from claims",
            &[&claims],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Uuid>(0), id);
    assert_eq!(row.get::<_, &str>(1), "authenticated");
    assert_eq!(row.get::<_, String>(2), id.to_string());
    // What a finished transaction leaves of a setting is an empty string.
    let row = admin
        .query_one(
            "with claims as materialized (select set_config('request.jwt.claims', '', false))
             select auth.uid() from claims",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Option<Uuid>>(0), None);
}

#[tokio::test]
async fn each_test_gets_a_migrated_database_of_its_own() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let one = server.fresh_database(folder.path()).await.unwrap();
    let since = std::time::Instant::now();
    let two = server.fresh_database(folder.path()).await.unwrap();
    eprintln!("a copy took {:?}", since.elapsed());

    let admin = one.admin().await.unwrap();
    admin.batch_execute("delete from things").await.unwrap();
    let ca = server.ca_pem();
    let function = connect(&two.function_url(), ca).await.unwrap();
    let row = function
        .query_one("select count(*), current_user::text from things", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, i64>(0), row.get::<_, &str>(1)),
        (10, "memory_orchestrator")
    );
    one.drop().await.unwrap();
    assert!(one.admin().await.is_err());
}

#[tokio::test]
async fn pgmq_works_without_its_extension() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = server.fresh_database(folder.path()).await.unwrap();
    let admin = database.admin().await.unwrap();
    admin
        .batch_execute(
            "select pgmq.create('jobs');
             select pgmq.send('jobs'::text, '{\"v\": 1}'::jsonb);",
        )
        .await
        .unwrap();
    let row = admin
        .query_one(
            "select msg_id, read_ct from pgmq.read('jobs'::text, 30, 1)",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i32>(1)), (1, 1));
}

#[tokio::test]
async fn a_folder_keeps_its_data_and_a_second_start_joins_the_first() {
    let Some(shared) = server().await else { return };
    let folder = std::env::temp_dir().join(format!("server-{}", Uuid::new_v4()));
    fs::create_dir(&folder).unwrap();
    let settings = || ServerSettings {
        installation: shared.installation().clone(),
        data_dir: folder.join("data"),
        port: None,
        tls: None,
        fast: true,
    };
    let first = Server::start(settings()).await.unwrap();
    let second = Server::start(settings()).await.unwrap();
    assert!(!first.is_attached() && second.is_attached());
    assert_eq!(first.port(), second.port());
    second.stop();
    first.create_database("kept").await.unwrap();
    first.stop();

    // As if the machine had lost power: the file names a process that is gone.
    fs::write(folder.join("data/cluster/postmaster.pid"), "999999\n").unwrap();
    let third = Server::start(settings()).await.unwrap();
    assert!(third.named("kept").admin().await.is_ok());
    third.stop();
    fs::remove_dir_all(&folder).unwrap();
}
