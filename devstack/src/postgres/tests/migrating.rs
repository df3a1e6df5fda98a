//! The runner: order, once, whole or not at all.

use super::{FIRST, Folder, empty, server};
use crate::postgres::{
    FUNCTION_ROLE, connect,
    migrate::{self, State},
};
use std::{fs, path::Path};

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
async fn the_migrations_of_this_repository_apply() {
    let Some(server) = server().await else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations");
    let database = server.fresh_database(&folder).await.unwrap();
    let function = connect(&database.function_url(), None).await.unwrap();
    let row = function
        .query_one("select current_user::text", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), FUNCTION_ROLE);
}
