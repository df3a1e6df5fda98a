//! What a plain server is given before the first migration.

use super::{FIRST, Folder, empty, server};
use crate::postgres::migrate::{self, Options};
use uuid::Uuid;

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
