//! Mem0's bad days: what fails is tried again, and nobody waits longer than agreed.

use std::time::Duration;

use black_box::{Deployment, on_own_deployments, turn};
use devstack::mem0::Fault;
use reqwest::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::{QUIET, attempts, deliver, fake, kept, sync, with};

const BUSY: Fault = Fault::Status(StatusCode::INTERNAL_SERVER_ERROR, None);

/// The state of Mem0's circuit: which, and how many jobs have failed in a row.
async fn circuit(deployment: &Deployment) -> (String, i32) {
    let query = "select state, failures from memories.adapter_states where adapter = 'mem0'";
    let row = deployment.admin().await.query_one(query, &[]).await;
    let row = row.unwrap();
    (row.get(0), row.get(1))
}

#[test]
fn a_success_whose_body_says_failed_is_a_failure() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[QUIET, ("MEM0_API", api)]), async |deployment| {
            for fault in [Fault::SayFailed, Fault::FailLater] {
                fake(deployment).forget();
                let user = Uuid::new_v4();
                let client = deployment.as_user(user);
                client.record("s", &[turn("1", "tea")]).await;
                fake(deployment).faults().next(1, fault);
                let failed = deliver(deployment, user, "mem0").await;
                failed.is_problem(503, "unavailable");
                assert!(kept(deployment).is_empty());
                assert_eq!(sync(deployment, user).await["pending"]["mem0"], 1);
                let noted = "select count(*) from memories.adapter_syncs
                    where user_id = $1 and adapter = 'mem0' and last_error_code is not null";
                assert_eq!(deployment.count(noted, &[&user]).await, 1);

                let again = deliver(deployment, user, "mem0").await;
                assert_eq!(again.body["outcome"], "done", "{again:?}");
                assert_eq!(kept(deployment), ["tea"]);
                assert_eq!(attempts(deployment, user).await, 2);
            }
        });
    }
}

#[test]
fn a_key_that_may_not_look_after_what_was_accepted_is_no_hindrance() {
    on_own_deployments(with(&[QUIET]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "tea")]).await;
        // The first is for the add, the second for the look.
        let faults = fake(deployment).faults();
        faults.next(1, Fault::FindNothing);
        faults.next(1, Fault::Status(StatusCode::FORBIDDEN, None));
        let done = deliver(deployment, user, "mem0").await;
        assert_eq!(done.body["outcome"], "done", "{done:?}");
        assert_eq!(circuit(deployment).await, ("closed".to_owned(), 0));
    });
}

#[test]
fn one_turn_that_fails_leaves_the_others_of_its_job_alone() {
    on_own_deployments(with(&[QUIET]), async |deployment| {
        let user = Uuid::new_v4();
        let turns = ["1", "2", "3"].map(|id| turn(id, &format!("tea {id}")));
        deployment.as_user(user).record("s", &turns).await;
        fake(deployment).faults().next(1, BUSY);
        let first = deliver(deployment, user, "mem0").await;
        first.is_problem(503, "unavailable");
        assert_eq!(sync(deployment, user).await["pending"]["mem0"], 1);
        assert_eq!(circuit(deployment).await, ("closed".to_owned(), 0));
        let again = deliver(deployment, user, "mem0").await;
        assert_eq!(again.body["outcome"], "done", "{again:?}");
        assert_eq!(fake(deployment).pushes().len(), 3);
    });
}

#[test]
fn five_jobs_that_fail_open_the_circuit_and_a_success_closes_it() {
    on_own_deployments(with(&[QUIET]), async |deployment| {
        let users: Vec<Uuid> = (0..6).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            let client = deployment.as_user(*user);
            client.record("s", &[turn("1", "tea")]).await;
        }
        let faults = fake(deployment).faults();
        // One job may fail as often as it likes: it may be to blame itself.
        for _ in 0..6 {
            faults.next(1, BUSY);
            let failed = deliver(deployment, users[0], "mem0").await;
            failed.is_problem(503, "unavailable");
            assert_eq!(circuit(deployment).await, ("closed".to_owned(), 1));
        }
        for (user, state, failures) in [
            (users[1], "closed", 2),
            (users[2], "closed", 3),
            (users[3], "closed", 4),
            (users[4], "open", 5),
        ] {
            faults.next(1, BUSY);
            let failed = deliver(deployment, user, "mem0").await;
            failed.is_problem(503, "unavailable");
            assert_eq!(circuit(deployment).await, (state.to_owned(), failures));
        }
        let asked = fake(deployment).received().len();
        let shut = deliver(deployment, users[5], "mem0").await;
        shut.is_problem(503, "circuit_open");
        assert!(!shut.header("retry-after").is_empty(), "{shut:?}");
        assert_eq!(fake(deployment).received().len(), asked);
        assert_eq!(attempts(deployment, users[5]).await, 0);

        let look = "update memories.adapter_states set retry_at = now() where state = 'open'";
        deployment.admin().await.execute(look, &[]).await.unwrap();
        for user in &users {
            let done = deliver(deployment, *user, "mem0").await;
            assert_eq!(done.body["outcome"], "done", "{done:?}");
            assert_eq!(circuit(deployment).await, ("closed".to_owned(), 0));
        }
        assert_eq!(fake(deployment).pushes().len(), 6);
        assert_eq!(kept(deployment).len(), 6);
    });
}

#[test]
fn a_mem0_that_hangs_costs_no_more_than_agreed() {
    let hasty = with(&[QUIET, ("MEMORY_JOB_SECONDS", "2")]);
    on_own_deployments(hasty, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        fake(deployment).faults().hang(true);
        let recorded = client.record("s", &[turn("1", "tea")]).await;
        assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
        assert!(recorded.took < Duration::from_millis(1500), "{recorded:?}");

        let query = json!({ "query": "Is there tea?", "deadlineMs": 1500 });
        let context = client.context(query).await;
        assert!(context.took < Duration::from_millis(2500), "{context:?}");
        assert_eq!(context.body["degraded"], json!(["mem0"]), "{context:?}");
        assert_eq!(context.body["adapters"]["mem0"]["status"], "error");
        assert_eq!(context.each("items", "id"), ["1"], "{context:?}");

        let job = deliver(deployment, user, "mem0").await;
        job.is_problem(503, "unavailable");
        assert!(job.took > Duration::from_millis(1900), "{job:?}");
        assert!(job.took < Duration::from_millis(4000), "{job:?}");

        fake(deployment).faults().hang(false);
        // What was not answered may still be worked at, so it is not repeated for a while.
        let early = deliver(deployment, user, "mem0").await;
        early.is_problem(423, "job_leased");
        let while_over = "update memories.adapter_syncs set leased_until = now()
            where adapter = 'mem0' and leased_until between now() and now() + interval '31 seconds'";
        let admin = deployment.admin().await;
        assert_eq!(admin.execute(while_over, &[]).await.unwrap(), 1);
        let again = deliver(deployment, user, "mem0").await;
        assert_eq!(again.body["outcome"], "done", "{again:?}");
        assert_eq!(kept(deployment), ["tea"]);
    });
}
