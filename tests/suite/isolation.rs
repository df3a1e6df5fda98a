//! One user's memory is nobody else's: over HTTP, and in the database without our code's help.

mod catalogue;
mod definers;
mod reach;
mod two_users;
mod world;

use black_box::{Deployment, marked, on_both_hosts, run, turn};
use devstack::functions::Host;
use serde_json::json;
use tokio_postgres::Client;
use uuid::Uuid;

const TABLES: [&str; 5] = [
    "sessions",
    "turns",
    "turn_embeddings",
    "adapter_syncs",
    "audit",
];

#[test]
fn another_users_session_is_not_told_from_one_that_does_not_exist() {
    on_both_hosts(async |deployment| {
        let (ann, ben) = (deployment.as_somebody(), deployment.as_somebody());
        let known = Uuid::new_v4().to_string();
        let word = marked("secret");
        ann.record(&known, &[turn(&Uuid::new_v4().to_string(), &word)])
            .await;
        ann.synced(&known).await;
        let unknown = Uuid::new_v4().to_string();
        for path in ["/api/sessions/sync", "/api/sessions/backfill"] {
            let ask = |session: &str| ben.post(path, json!({ "sessionId": session }));
            let (one, other) = (ask(&known).await, ask(&unknown).await);
            one.is_problem(404, "not_found");
            assert_eq!(one.comparable(), other.comparable());
        }
        let one = ben.get(&format!("/api/sessions/{known}")).await;
        let other = ben.get(&format!("/api/sessions/{unknown}")).await;
        one.is_problem(404, "not_found");
        assert_eq!(one.comparable(), other.comparable());

        for scope in ["user", "session"] {
            let ask =
                json!({ "query": word, "sessionId": known, "scope": scope, "deadlineMs": 5000 });
            let context = ben.context(ask).await;
            assert_eq!(context.body["items"], json!([]), "{context:?}");
        }
        let sessions = ben.get("/api/sessions").await;
        assert_eq!(sessions.body["sessions"], json!([]), "{sessions:?}");
    });
}

#[test]
fn the_same_ids_are_another_session_and_another_turn_for_another_user() {
    on_both_hosts(async |deployment| {
        let (ann, ben) = (deployment.as_somebody(), deployment.as_somebody());
        let (session, id) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
        ann.record(&session, &[turn(&id, "Ann's")]).await;
        ben.record(&session, &[turn(&id, "Ben's")]).await;
        for (user, text) in [(&ann, "Ann's"), (&ben, "Ben's")] {
            let read = user.get(&format!("/api/sessions/{session}")).await;
            assert_eq!(read.each("turns", "content"), [text]);
        }
    });
}

/// An administrator's connection to a migrated database that nobody else uses.
async fn fresh() -> Client {
    let server = devstack::postgres::shared().await.unwrap();
    let migrations = devstack::workspace().join("migrations");
    let database = server.fresh_database(&migrations).await.unwrap();
    database.admin().await.unwrap()
}

/// Logs in as the functions do.
async fn functions_login(deployment: &Deployment) -> Client {
    let url = deployment.database.function_url();
    let ca = deployment.database.cluster().ca_pem();
    devstack::postgres::connect(&url, ca).await.unwrap()
}

/// Opens a transaction as the functions do.
async fn become_user(client: &Client, role: &str, user: Uuid) {
    let claims = format!(
        "begin; select set_config('role', '{role}', true),
         set_config('request.jwt.claims', '{{\"sub\":\"{user}\",\"role\":\"{role}\"}}', true)"
    );
    client.batch_execute(&claims).await.unwrap();
}

#[test]
fn the_database_shows_a_user_only_their_own_rows() {
    run(async {
        let deployment = Deployment::shared(Host::Vercel).await;
        let (ann, ben) = (Uuid::new_v4(), Uuid::new_v4());
        for user in [ann, ben] {
            let client = deployment.as_user(user);
            client.record("s", &[turn("1", "tea")]).await;
            client.synced("s").await;
            let audit = "insert into memories.audit (user_id, kind) values ($1, 'erasure')";
            deployment
                .admin()
                .await
                .execute(audit, &[&user])
                .await
                .unwrap();
        }
        let functions = functions_login(deployment).await;
        for role in ["authenticated", "memory_worker"] {
            for table in TABLES {
                become_user(&functions, role, ann).await;
                let count = format!(
                    "select count(*), count(*) filter (where user_id = '{ann}') from memories.{table}"
                );
                let row = functions.query_one(&count, &[]).await.unwrap();
                let (all, own): (i64, i64) = (row.get(0), row.get(1));
                assert_eq!((all, own > 0), (own, true), "{table} as {role}");
                functions.batch_execute("rollback").await.unwrap();
            }
        }

        // Nor may a user write what is another's.
        for write in [
            format!("insert into memories.sessions (user_id, id) values ('{ben}', '{ben}')"),
            format!(
                "insert into memories.adapter_syncs (user_id, turn_id, session_id, adapter, state)
                values ('{ben}', '{ben}', '{ben}', 'embed', 'pending')"
            ),
        ] {
            become_user(&functions, "authenticated", ann).await;
            let refused = functions.execute(&write, &[]).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{write}");
            functions.batch_execute("rollback").await.unwrap();
        }
        become_user(&functions, "authenticated", ann).await;
        let all = "update memories.sessions set title = 'mine'";
        assert_eq!(functions.execute(all, &[]).await.unwrap(), 1);
        functions.batch_execute("rollback").await.unwrap();
    });
}

#[test]
fn the_functions_own_login_may_read_nothing() {
    run(async {
        let deployment = Deployment::shared(Host::Vercel).await;
        let functions = functions_login(deployment).await;
        for table in TABLES
            .map(|table| format!("memories.{table}"))
            .into_iter()
            .chain([
                "pgmq.q_memory_embed".to_owned(),
                "pgmq.a_memory_embed".to_owned(),
                "auth.users".to_owned(),
            ])
        {
            let refused = functions
                .query(&format!("select * from {table}"), &[])
                .await;
            assert_eq!(
                refused.unwrap_err().code().unwrap().code(),
                "42501",
                "{table}"
            );
        }
        // As a user neither: jobs are reached through functions that look at whose they are.
        become_user(&functions, "authenticated", Uuid::new_v4()).await;
        let refused = functions
            .query("select * from pgmq.q_memory_embed", &[])
            .await;
        assert_eq!(refused.unwrap_err().code().unwrap().code(), "42501");
    });
}
