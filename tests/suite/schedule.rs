//! The full local stack: pg_cron drives the sweeper in place of a QStash that is gone, and builds the
//! indexes of large users.

use std::time::Duration;

use black_box::{Deployment, run, turn};
use devstack::functions::Host;
use devstack::ports;
use devstack::postgres::{self, Error};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::large_users::{THRESHOLD, fill};

/// pg_cron 1.4 knows no shorter time than a minute, and begins at the full one. The minute may just have
/// begun, and the second one makes up for a sweep that came too early.
const TWO_MINUTES: Duration = Duration::from_secs(130);

/// Takes up to a minute, so all that has to wait for pg_cron is in here.
#[test]
fn without_qstash_pg_cron_drains_through_the_sweeper_and_builds_indexes() {
    if std::env::var_os("SUITE_POOLER").is_some() {
        return devstack::skipped("it does not go through the pooler, and took its minute before");
    }
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
        let gone = format!("http://127.0.0.1:{}", ports::free().unwrap());
        let deployment = Deployment::over(full.database.clone(), Host::Vercel, |settings| {
            // Not through a pooler, which would stand in front of another server.
            settings.database_url = full.database.function_url();
            settings.env.insert("QSTASH_URL".to_owned(), gone);
        })
        .await;

        let large = want_index(&admin).await;
        let users: Vec<Uuid> = (0..3).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            let turns = [turn("1", "tea"), turn("2", "milk")];
            let reply = deployment.as_user(*user).record("s", &turns).await;
            assert_eq!(reply.body["status"], "partial", "{reply:?}");
        }
        let token = deployment.stack.service_token().unwrap();
        let schedule = "select memories.schedule_sweep($1, $2)";
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] =
            [&deployment.stack.url, &token];
        admin.execute(schedule, &parameters).await.unwrap();

        let embedded = "select count(*) from memories.turn_embeddings where user_id = any($1)";
        let built = "select count(*) from memories.large_user_indexes()
                     where user_id = $1 and state = 'built'";
        let done = async {
            while deployment.count(embedded, &[&users]).await < 6
                || deployment.count(built, &[&large]).await < 1
            {
                // Turns go on being written while the index is built.
                fill(&admin, 1).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let in_time = tokio::time::timeout(TWO_MINUTES, done).await;
        assert!(in_time.is_ok(), "{:?}", calls(&admin).await);

        let pending = "select count(*) from memories.adapter_syncs
                       where user_id = any($1) and adapter = 'embed' and state <> 'done'";
        assert_eq!(deployment.count(pending, &[&users]).await, 0);
        let runs = "select count(*) from cron.job_run_details
                    where command like '%request_sweep%' and status = 'succeeded'";
        assert!(deployment.count(runs, &[]).await >= 1);

        // What is done is not asked for again.
        let nothing_left = "select memories.tend_large_users(), memories.unschedule_sweep()";
        admin.query_one(nothing_left, &[]).await.unwrap();
        let jobs = "select count(*) from cron.job where jobname like 'memory-%'";
        assert_eq!(deployment.count(jobs, &[]).await, 0);
    });
}

/// A large user, whose index pg_cron is told to build.
async fn want_index(admin: &Client) -> Uuid {
    let large = fill(admin, THRESHOLD).await;
    // One transaction, so that no sweep comes in between.
    let survey = format!(
        "begin;
         update memories.upkeep set surveyed_at = null;
         select memories.tend_large_users({THRESHOLD});
         commit;"
    );
    admin.batch_execute(&survey).await.unwrap();
    let jobs = "select count(*) from cron.job where jobname = 'memory-index'";
    let row = admin.query_one(jobs, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    large
}

/// What came of the calls to the sweeper.
async fn calls(admin: &Client) -> Vec<String> {
    let query = "select row_to_json(r)::text from net._http_response as r order by id";
    let rows = admin.query(query, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
