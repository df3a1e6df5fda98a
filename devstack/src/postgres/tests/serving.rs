//! The server, its databases, TLS, the pooler, and the line in between.

use super::{FIRST, Folder, empty, server};
use crate::{
    certificates::Authority,
    delay_proxy::DelayProxy,
    postgres::{Cluster, Error, Pooler, PoolerSettings, Server, ServerSettings, connect, erase},
};
use std::{
    fs,
    time::{Duration, Instant},
};
use tokio_postgres::types::Type;
use uuid::Uuid;

#[tokio::test]
async fn each_test_gets_a_migrated_database_of_its_own() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let one = server.fresh_database(folder.path()).await.unwrap();
    let since = Instant::now();
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
    assert!(erase(&settings().data_dir).is_err());
    third.stop();
    erase(&settings().data_dir).unwrap();
    assert!(!folder.join("data/cluster").exists());
    fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn only_the_right_root_is_trusted() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = server.fresh_database(folder.path()).await.unwrap();
    let url = database.function_tls_url().unwrap();
    let client = connect(&url, server.ca_pem()).await.unwrap();
    client.query_one("select 1", &[]).await.unwrap();

    let stranger = Authority::create().unwrap();
    for wrong in [Some(stranger.ca_pem()), None] {
        let error = connect(&url, wrong).await.err().unwrap();
        assert!(error.to_string().contains("TLS"), "{error}");
    }
    let plain = database.function_url_at(server.tls_port().unwrap());
    if !server.installation().knows_tls() {
        assert!(connect(&plain, None).await.is_err());
    }
}

#[tokio::test]
async fn the_pooler_carries_typed_queries_of_many_clients() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = server.fresh_database(folder.path()).await.unwrap();
    let settings = PoolerSettings {
        folder: std::env::temp_dir().join(format!("pooler-{}", Uuid::new_v4())),
        port: None,
        pool_size: 4,
    };
    let place = settings.folder.clone();
    let pooler = match Pooler::start(server, settings).await {
        Ok(pooler) => pooler,
        Err(Error::Unavailable(reason)) => return crate::skipped(&reason),
        Err(e) => panic!("{e}"),
    };
    let url = pooler.url_for(&database);
    let clients = (0..12).map(|_| connect(&url, None));
    let clients = futures_util::future::try_join_all(clients).await.unwrap();
    let work = clients.iter().map(|client| async move {
        let mut backends = Vec::new();
        for _ in 0..20 {
            let rows = client
                .query_typed(
                    "select pg_backend_pid() from things where id = $1",
                    &[(&3_i32, Type::INT4)],
                )
                .await?;
            backends.push(rows[0].get::<_, i32>(0));
        }
        Ok::<_, tokio_postgres::Error>(backends)
    });
    let backends = futures_util::future::try_join_all(work).await.unwrap();
    let distinct: std::collections::BTreeSet<_> = backends.into_iter().flatten().collect();
    assert!(distinct.len() <= 4, "{distinct:?}");
    pooler.stop();
    fs::remove_dir_all(&place).unwrap();
}

#[tokio::test]
async fn a_pipelined_transaction_is_one_flight() {
    let Some(server) = server().await else { return };
    let folder = Folder::with(&[FIRST]);
    let database = server.fresh_database(folder.path()).await.unwrap();
    let delay = Duration::from_millis(10);
    let proxy = DelayProxy::start(([127, 0, 0, 1], server.port()).into(), delay)
        .await
        .unwrap();
    let url = database.function_url_at(proxy.port());
    let client = connect(&url, None).await.unwrap();
    proxy.reset_counts();

    let since = Instant::now();
    let (begin, rows, commit) = tokio::join!(
        client.batch_execute("begin"),
        client.query_typed(
            "select id from things where id < $1",
            &[(&4_i32, Type::INT4)]
        ),
        client.batch_execute("commit"),
    );
    let took = since.elapsed();
    begin.unwrap();
    commit.unwrap();
    assert_eq!((rows.unwrap().len(), proxy.flights()), (3, 1));
    assert!(took >= 2 * delay, "{took:?}");

    client.batch_execute("begin").await.unwrap();
    client.query_typed("select 1", &[]).await.unwrap();
    client.batch_execute("commit").await.unwrap();
    assert_eq!(proxy.flights(), 4);

    proxy.cut();
    assert!(client.query_typed("select 1", &[]).await.is_err());
}

#[tokio::test]
async fn a_database_of_somebody_else_serves_as_well() {
    let Some(server) = server().await else { return };
    let database = empty(server).await;
    let admin = database.admin().await.unwrap();
    let user = database.name();
    admin
        .batch_execute(&format!(
            "create role {user} superuser login password 'a/b@c d'"
        ))
        .await
        .unwrap();
    let place = std::env::temp_dir().join(format!("external-{}", Uuid::new_v4()));
    // The role of the functions is the whole server's, so this one must agree with the other tests.
    fs::create_dir(&place).unwrap();
    fs::write(place.join("function_password"), server.function_password()).unwrap();
    let url = format!(
        "postgresql://{user}:a%2Fb%40c%20d@localhost:{}/{user}",
        server.port()
    );
    let external = Cluster::external(&url, None, &place).unwrap();
    let folder = Folder::with(&[("0001_role.sql", "create table things (id int primary key);")]);
    let database = external.database();
    database.prepare(folder.path()).await.unwrap();
    assert_eq!(
        external.admin_login().unwrap(),
        (user.to_owned(), "a/b@c d".to_owned())
    );
    assert_eq!(database.name(), user);
    fs::remove_dir_all(&place).unwrap();

    assert!(Cluster::external("host=localhost", None, &place).is_err());
    let far = Cluster::external("postgres://u:p@db.example.com/x", None, &place).unwrap();
    let error = far.database().prepare(folder.path()).await.unwrap_err();
    assert!(error.to_string().contains("on this machine"), "{error}");
    fs::remove_dir_all(&place).unwrap();
}
