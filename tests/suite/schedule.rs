//! The sweeper's second driver, on the full local stack: pg_cron in place of a QStash that is gone.

use std::net::TcpListener;

use black_box::{Deployment, run, turn};
use devstack::functions::Host;
use devstack::postgres::{self, Error};
use uuid::Uuid;

/// Takes up to a minute: pg_cron 1.4 knows no shorter time, and begins at the full one.
#[test]
fn without_qstash_pg_cron_fires_and_the_sweeper_drains() {
    run(async {
        let full = match postgres::full().await {
            Ok(full) => full,
            Err(Error::Unavailable(reason)) => return devstack::skipped(&reason),
            Err(error) => panic!("{error}"),
        };
        let admin = full.database.admin().await.unwrap();
        // How long a job is QStash's before the sweeper takes it for late.
        let patience = format!(
            "alter database {} set memories.job_patience = '1'",
            full.database.name()
        );
        admin.batch_execute(&patience).await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        let gone = format!("http://{}", closed.local_addr().unwrap());
        drop(closed);
        let deployment = Deployment::over(full.database.clone(), Host::Vercel, |settings| {
            // Not through a pooler, which would stand in front of another server.
            settings.database_url = full.database.function_url();
            settings.env.insert("QSTASH_URL".to_owned(), gone);
        })
        .await;

        let users: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            let client = deployment.as_user(*user);
            let reply = client
                .record("s", &[turn("1", "tea"), turn("2", "milk")])
                .await;
            assert_eq!(reply.body["status"], "partial", "{reply:?}");
        }
        let token = deployment.stack.service_token().unwrap();
        admin
            .execute(
                "select memories.schedule_sweep($1, $2)",
                &[&deployment.stack.url, &token],
            )
            .await
            .unwrap();

        let query = "select count(*) from memories.turn_embeddings where user_id = any($1)";
        let drained = async {
            while deployment.count(query, &[&users]).await < 6 {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
        };
        // The minute may just have begun, and the second one makes up for a sweep that came too early.
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(130), drained).await;
        let answers = admin
            .query(
                "select status_code, content, error_msg from net._http_response order by id",
                &[],
            )
            .await
            .unwrap();
        assert!(in_time.is_ok(), "{answers:?}");
        let pending = "select count(*) from memories.adapter_syncs
                       where user_id = any($1) and adapter = 'embed' and state <> 'done'";
        assert_eq!(deployment.count(pending, &[&users]).await, 0);
        let runs = "select count(*) from cron.job_run_details
                    where command like '%request_sweep%' and status = 'succeeded'";
        assert!(deployment.count(runs, &[]).await >= 1);
        let stopped = "select memories.unschedule_sweep()";
        assert!(
            admin
                .query_one(stopped, &[])
                .await
                .unwrap()
                .get::<_, bool>(0)
        );
    });
}
