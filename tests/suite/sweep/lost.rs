//! QStash gone, back again, a hole, or without our topic: the sweeper carries on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use black_box::{Deployment, on_own_deployments, run, turn, until};
use devstack::functions::Host;
use devstack::qstash::faults::{Attempt, DeliveryFault, Faults, Outage, PublishFault};
use devstack::{ports, stack::StackSettings};
use serde_json::json;
use uuid::Uuid;

use super::{EMBEDDED, hasten, impatient, sweep, swept, with};

#[test]
fn with_qstash_gone_for_the_whole_run_the_sweeper_does_it_all_while_apps_poll() {
    let gone = format!("http://127.0.0.1:{}", ports::free().unwrap());
    let lost = |settings: &mut StackSettings| settings.env = with(&[("QSTASH_URL", &gone)]);
    on_own_deployments(lost, async |deployment| {
        impatient(deployment).await;
        let users: Vec<Uuid> = (0..4).map(|_| Uuid::new_v4()).collect();
        for user in &users {
            let client = deployment.as_user(*user);
            for session in ["a", "b"] {
                let turns = [
                    turn(&format!("{session}1"), "tea"),
                    turn(&format!("{session}2"), "milk"),
                ];
                let recorded = client.record(session, &turns).await;
                assert_eq!(recorded.body["status"], "partial", "{recorded:?}");
            }
        }
        let deployment = &*deployment;
        // An app that polls until all is done, as often as it can.
        let poll = async |user: Uuid| {
            let client = deployment.as_user(user);
            for session in ["a", "b"] {
                let synced = client.synced(session).await;
                assert!(synced.body["lastSyncedAt"].is_string(), "{synced:?}");
            }
        };
        tokio::join!(
            swept(deployment, &users, 16),
            futures_util::future::join_all(users.iter().map(|user| poll(*user))),
        );
        let more =
            "select count(*) from memories.adapter_syncs where state <> 'done' or attempts <> 1";
        assert_eq!(deployment.count(more, &[]).await, 0);
        assert_eq!(
            deployment
                .count("select count(*) from pgmq.q_memory_embed", &[])
                .await,
            0
        );
    });
}

#[test]
fn when_qstash_is_back_the_sweeper_sends_again_what_it_never_got() {
    run(async {
        let outage = Arc::new(Outage::default());
        outage.begin();
        let faults = Arc::clone(&outage);
        let deployment =
            Deployment::start(Host::Vercel, |settings| settings.qstash_faults = faults);
        // The stack tells QStash of itself when it starts.
        outage.end();
        let deployment = deployment.await;
        outage.begin();
        let user = Uuid::new_v4();
        let recorded = deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        assert_eq!(recorded.body["status"], "partial", "{recorded:?}");
        let early = sweep(&deployment).await;
        assert_eq!(
            early.body["sweep"]["taken"], 0,
            "it is QStash's for a minute: {early:?}"
        );

        outage.end();
        hasten(&deployment).await;
        let reply = sweep(&deployment).await;
        let report = json!({ "taken": 1, "sent": 1, "worked": 0, "adopted": 0 });
        assert_eq!(reply.body["sweep"], report, "{reply:?}");
        until(async || deployment.count(EMBEDDED, &[&vec![user]]).await == 1).await;
    });
}

/// Takes everything, and delivers nothing.
#[derive(Default)]
struct Hole {
    taken: AtomicU32,
}

impl Faults for Hole {
    fn publish(&self, _: &[String]) -> PublishFault {
        self.taken.fetch_add(1, Ordering::Relaxed);
        PublishFault::None
    }

    fn deliver(&self, _: &Attempt<'_>) -> DeliveryFault {
        DeliveryFault::Fail
    }
}

#[test]
fn what_qstash_takes_and_loses_is_sent_three_times_more_and_then_worked() {
    let hole = Arc::new(Hole::default());
    run(async {
        let faults = hole.clone();
        let deployment = Deployment::start(Host::Vercel, |settings| {
            settings.qstash_faults = faults;
            settings.env = with(&[("QSTASH_RETRIES", "0")]);
        });
        let deployment = deployment.await;
        let user = Uuid::new_v4();
        let recorded = deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        assert_eq!(recorded.body["status"], "ok", "{recorded:?}");
        for (sent, worked) in [(1, 0), (1, 0), (1, 0), (0, 1)] {
            hasten(&deployment).await;
            let reply = sweep(&deployment).await;
            let report = json!({ "taken": 1, "sent": sent, "worked": worked, "adopted": 0 });
            assert_eq!(reply.body["sweep"], report, "{reply:?}");
            // What was just swept waits: twice as long each time.
            let again = sweep(&deployment).await;
            assert_eq!(again.body["sweep"]["taken"], 0, "{again:?}");
        }
        assert_eq!(hole.taken.load(Ordering::Relaxed), 4);
        assert_eq!(deployment.count(EMBEDDED, &[&vec![user]]).await, 1);
    });
}

#[test]
fn a_topic_that_does_not_exist_keeps_nothing_from_being_done() {
    let nowhere = |settings: &mut StackSettings| {
        settings.env = with(&[("QSTASH_TOPIC", "nobody.listens")]);
    };
    on_own_deployments(nowhere, async |deployment| {
        let user = Uuid::new_v4();
        let recorded = deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        assert_eq!(recorded.body["status"], "partial", "{recorded:?}");
        hasten(deployment).await;
        let reply = sweep(deployment).await;
        let report = json!({ "taken": 1, "sent": 0, "worked": 1, "adopted": 0 });
        assert_eq!(reply.body["sweep"], report, "{reply:?}");
        assert_eq!(deployment.count(EMBEDDED, &[&vec![user]]).await, 1);
    });
}
