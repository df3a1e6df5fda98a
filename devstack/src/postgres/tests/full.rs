//! The full local stack, and what the migration of the schedule does there and elsewhere.

use super::server;
use crate::postgres::{Database, Error, Full, full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tokio_postgres::error::SqlState;

/// The full server, or `None` with a line that says why it cannot be had here.
async fn full_server() -> Option<&'static Full> {
    match full().await {
        Ok(full) => Some(full),
        Err(Error::Unavailable(reason)) => {
            crate::skipped(&reason);
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// A migrated database on the server without pg_cron.
async fn plain() -> Option<Database> {
    let migrations = crate::workspace().join("migrations");
    Some(server().await?.fresh_database(&migrations).await.unwrap())
}

#[tokio::test]
async fn the_full_stack_has_what_supabase_has() {
    let Some(full) = full_server().await else {
        return;
    };
    let admin = full.database.admin().await.unwrap();
    let row = admin
        .query_one(
            "select array_agg(extname::text order by extname) from pg_extension
             where extname in ('vector', 'pg_cron', 'btree_gin')",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(
        row.get::<_, Vec<String>>(0),
        ["btree_gin", "pg_cron", "vector"]
    );
    // Half-precision vectors came with 0.7.
    admin
        .query_one("select '[1,2]'::extensions.halfvec::text", &[])
        .await
        .unwrap();
    let version = full.server.installation().version().unwrap();
    assert_eq!(version, 15);
}

/// Answers every request with 202 and hands it on as it came.
async fn listener() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (heard, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut text = Vec::new();
            while !text.ends_with(b"{}") {
                let mut chunk = [0; 1024];
                let n = stream.read(&mut chunk).await.unwrap();
                text.extend_from_slice(&chunk[..n]);
            }
            let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}";
            stream.write_all(answer).await.unwrap();
            heard.send(String::from_utf8(text).unwrap()).unwrap();
        }
    });
    (url, requests)
}

#[tokio::test]
async fn the_schedule_is_one_job_without_a_secret_and_calls_the_sweeper() {
    let Some(full) = full_server().await else {
        return;
    };
    let admin = full.database.admin().await.unwrap();
    let (url, mut requests) = listener().await;
    for (token, schedule) in [("first", "* * * * *"), ("second", "*/5 * * * *")] {
        admin
            .execute(
                "select memories.schedule_sweep($1, $2, $3)",
                &[&format!("{url}/"), &token, &schedule],
            )
            .await
            .unwrap();
    }
    let jobs = admin
        .query(
            "select schedule, command from cron.job where jobname = 'memory-sweep'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0].get::<_, &str>(0), "*/5 * * * *");
    let command: String = jobs[0].get(1);
    assert!(!command.contains("second"), "{command}");

    admin.batch_execute(&command).await.unwrap();
    let request = requests.recv().await.unwrap().to_lowercase();
    assert!(
        request.starts_with("post /api/jobs/sweep http/1.1"),
        "{request}"
    );
    assert!(
        request.contains("\r\nauthorization: bearer second\r\n"),
        "{request}"
    );
    assert!(
        request.contains("\r\ncontent-type: application/json\r\n"),
        "{request}"
    );
    let row = admin
        .query_one(
            "select status_code, content, error_msg from net._http_response order by id desc limit 1",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), (Some(202), Some("{}")));
    assert_eq!(row.get::<_, Option<&str>>(2), None);

    // Nobody there: noted, and no error, as with pg_net.
    admin
        .batch_execute(
            "update memories.sweep_target set url = 'http://127.0.0.1:1';
             select memories.request_sweep();",
        )
        .await
        .unwrap();
    let row = admin
        .query_one(
            "select status_code, error_msg from net._http_response order by id desc limit 1",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, Option<i32>>(0), None);
    assert!(row.get::<_, &str>(1).contains("refused"));

    admin
        .batch_execute(
            "insert into cron.job_run_details (jobid, database, username, command, end_time)
             values (1, current_database(), current_user, 'select memories.request_sweep()', now() - interval '8 days'),
                    (1, current_database(), current_user, 'select memories.request_sweep()', now() - interval '6 days'),
                    (2, current_database(), current_user, 'select of_somebody_else()', now() - interval '8 days');
             select memories.prune_sweep_history();",
        )
        .await
        .unwrap();
    let row = admin
        .query_one(
            "select count(*) from cron.job_run_details
             where end_time < now() - interval '5 days'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);

    for expected in [true, false] {
        let row = admin
            .query_one("select memories.unschedule_sweep()", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, bool>(0), expected);
    }
    let row = admin
        .query_one(
            "select count(*) from cron.job where jobname like 'memory-sweep%'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    let error = admin
        .query_one("select memories.request_sweep()", &[])
        .await
        .unwrap_err();
    assert_eq!(
        error.code(),
        Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE)
    );
}

#[tokio::test]
async fn without_pg_cron_the_schedule_is_refused_with_a_reason() {
    let Some(database) = plain().await else {
        return;
    };
    let admin = database.admin().await.unwrap();
    let error = admin
        .query_one("select memories.schedule_sweep('https://a', 'b')", &[])
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.code(), &SqlState::FEATURE_NOT_SUPPORTED);
    assert!(error.message().contains("pg_cron"), "{error}");
    // What is undone already is no error.
    let row = admin
        .query_one("select memories.unschedule_sweep()", &[])
        .await
        .unwrap();
    assert!(!row.get::<_, bool>(0));
}

/// Vault's functions and tables, without the encryption.
const VAULT: &str = "
    create schema vault;
    create table vault.secrets (
      id uuid primary key default gen_random_uuid(), name text unique, secret text, description text
    );
    create view vault.decrypted_secrets as
      select id, name, convert_from(decode(secret, 'hex'), 'utf8') as decrypted_secret from vault.secrets;
    create function vault.create_secret(
      new_secret text, new_name text = null, new_description text = '', new_key_id uuid = null
    ) returns uuid language sql as $$
      insert into vault.secrets (secret, name, description)
      values (encode(convert_to(new_secret, 'utf8'), 'hex'), new_name, new_description) returning id
    $$;
    create function vault.update_secret(
      secret_id uuid, new_secret text = null, new_name text = null, new_description text = null,
      new_key_id uuid = null
    ) returns void language sql as $$
      update vault.secrets set secret = encode(convert_to(new_secret, 'utf8'), 'hex') where id = secret_id
    $$;
    -- What else a schedule needs, so that this runs on any server.
    create schema net;
    create function net.http_post(
      url text, body jsonb, headers jsonb, timeout_milliseconds integer
    ) returns bigint language plpgsql as $$
    begin
      raise exception '%', headers ->> 'authorization';
    end $$;
    create schema cron;
    create table cron.job (jobname text, username text default current_user);
    create function cron.schedule(job_name text, schedule text, command text) returns bigint
    language sql as $$ insert into cron.job (jobname) values (job_name); select 1::bigint $$;
    create function cron.unschedule(job_name text) returns boolean
    language sql as $$ delete from cron.job where jobname = job_name; select true $$;";

#[tokio::test]
async fn where_there_is_a_vault_it_keeps_the_token() {
    let Some(database) = plain().await else {
        return;
    };
    let admin = database.admin().await.unwrap();
    admin.batch_execute(VAULT).await.unwrap();
    for token in ["one", "two"] {
        let schedule = format!("select memories.schedule_sweep('https://a', '{token}')");
        admin.batch_execute(&schedule).await.unwrap();
        let row = admin
            .query_one("select token from memories.sweep_target", &[])
            .await
            .unwrap();
        assert_eq!(row.get::<_, Option<&str>>(0), None);
        let error = admin
            .query_one("select memories.request_sweep()", &[])
            .await
            .unwrap_err();
        let said = error.as_db_error().unwrap().message();
        assert_eq!(said, format!("Bearer {token}"));
    }
    admin
        .query_one("select memories.unschedule_sweep()", &[])
        .await
        .unwrap();
    let row = admin
        .query_one("select count(*) from vault.secrets", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn nobody_but_the_owner_schedules_or_reads_the_token() {
    let Some(database) = plain().await else {
        return;
    };
    let admin = database.admin().await.unwrap();
    for role in ["authenticated", "memory_worker", "memory_sweeper"] {
        for statement in [
            "select * from memories.sweep_target",
            "select memories.schedule_sweep('https://a', 'b')",
            "select memories.unschedule_sweep()",
            "select memories.request_sweep()",
            "select memories.prune_sweep_history()",
        ] {
            let error = admin
                .batch_execute(&format!("begin; set local role {role}; {statement}"))
                .await
                .unwrap_err();
            assert_eq!(
                error.code(),
                Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                "{role}: {statement}: {error:?}"
            );
            admin.batch_execute("rollback").await.unwrap();
        }
    }
}
