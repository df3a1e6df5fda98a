//! A turn that may be there already is not pushed again, and of a turn that was replaced only the last
//! revision stays.

use std::time::Duration;

use black_box::{Client, Signed, on_own_deployments, turn, until};
use devstack::mem0::Fault;
use serde_json::json;
use uuid::Uuid;

use super::{QUIET, attempts, deliver, fake, kept, swept, waiting, with};

async fn replace(client: &Client<'_>, text: &str) {
    let turns = [turn("1", text)];
    let body = json!({ "sessionId": "s", "turns": turns, "onConflict": "replace" });
    let replaced = client.post("/api/turns", body).await;
    replaced.is(200);
    assert_eq!(replaced.body["turns"][0]["revision"], 2, "{replaced:?}");
}

#[test]
fn a_push_whose_reply_was_lost_is_found_there() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[QUIET, ("MEM0_API", api)]), async |deployment| {
            let user = Uuid::new_v4();
            deployment
                .as_user(user)
                .record("s", &[turn("1", "tea")])
                .await;
            fake(deployment).faults().next(1, Fault::LoseReply);
            let first = deliver(deployment, user, "mem0").await;
            first.is_problem(503, "unavailable");
            // Mem0 might still be working at it, so nobody looks before the lease is over.
            let second = deliver(deployment, user, "mem0").await;
            second.is_problem(423, "job_leased");
            let over = "update memories.adapter_syncs set leased_until = now()
                where user_id = $1 and adapter = 'mem0'";
            let admin = deployment.admin().await;
            admin.execute(over, &[&user]).await.unwrap();
            let third = deliver(deployment, user, "mem0").await;
            assert_eq!(third.body["outcome"], "done", "{third:?}");
            assert_eq!(fake(deployment).pushes().len(), 1);
            assert_eq!(kept(deployment), ["tea"]);
        });
    }
}

#[test]
fn a_job_that_is_delivered_five_times_at_once_is_done_once() {
    on_own_deployments(with(&[QUIET]), async |deployment| {
        let user = Uuid::new_v4();
        let turns = ["1", "2", "3"].map(|id| turn(id, &format!("tea {id}")));
        deployment.as_user(user).record("s", &turns).await;
        let body = waiting(deployment, user, "mem0").await;
        let deliveries = (0..5).map(|_| Signed::new(deployment, "mem0", body.clone()).send());
        let replies = futures_util::future::join_all(deliveries).await;
        let mut done = 0;
        for reply in replies {
            match reply.status {
                200 if reply.body["outcome"] == "done" => done += 1,
                200 => assert_eq!(reply.body["outcome"], "gone", "{reply:?}"),
                _ => reply.is_problem(423, "job_leased"),
            }
        }
        assert_eq!(done, 1);
        assert_eq!(fake(deployment).pushes().len(), 3);
        assert_eq!(kept(deployment).len(), 3);
        assert_eq!(attempts(deployment, user).await, 3);
    });
}

#[test]
fn of_a_turn_that_was_replaced_the_last_revision_stays_and_a_backfill_adds_nothing() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[("MEM0_API", api)]), async |deployment| {
            let client = deployment.as_somebody();
            client
                .record("s", &[turn("1", "I live in Rome"), turn("2", "tea")])
                .await;
            client.synced("s").await;
            replace(&client, "I live in Porto").await;
            client.synced("s").await;
            assert_eq!(kept(deployment), ["tea", "I live in Porto"]);
            let memories = fake(deployment).memories();
            assert_eq!(memories[1].metadata["revision"], 2, "{memories:?}");
            assert_eq!(fake(deployment).pushes().len(), 3);

            let body = json!({ "sessionId": "s" });
            let backfill = client.post("/api/sessions/backfill", body).await;
            assert_eq!(backfill.body["pending"]["mem0"], 2, "{backfill:?}");
            client.synced("s").await;
            assert_eq!(fake(deployment).pushes().len(), 3);
            assert_eq!(kept(deployment), ["tea", "I live in Porto"]);
        });
    }
}

#[test]
fn a_turn_may_be_replaced_while_mem0_works_at_it() {
    on_own_deployments(with(&[]), async |deployment| {
        fake(deployment).set_delay(Duration::from_millis(2500));
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "I live in Rome")]).await;
        until(async || fake(deployment).pushes().len() == 1).await;
        replace(&client, "I live in Porto").await;
        // The new revision waits for the attempt at the old one.
        let under_way = "select count(*) from memories.adapter_syncs
            where user_id = $1 and adapter = 'mem0' and leased_until > now()";
        assert_eq!(deployment.count(under_way, &[&user]).await, 1);
        until(async || deployment.count(under_way, &[&user]).await == 0).await;
        swept(deployment, user).await;
        assert_eq!(kept(deployment), ["I live in Porto"]);
        assert_eq!(fake(deployment).pushes().len(), 2);
    });
}

#[test]
fn of_a_turn_that_lost_its_words_nothing_stays() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[("MEM0_API", api)]), async |deployment| {
            let client = deployment.as_somebody();
            client.record("s", &[turn("1", "I live in Rome")]).await;
            client.synced("s").await;
            assert_eq!(kept(deployment), ["I live in Rome"]);
            replace(&client, "").await;
            client.synced("s").await;
            assert!(kept(deployment).is_empty());
            assert_eq!(fake(deployment).pushes().len(), 1);
        });
    }
}

#[test]
fn a_backfill_waits_for_an_attempt_that_is_under_way() {
    for api in ["platform", "server"] {
        on_own_deployments(with(&[QUIET, ("MEM0_API", api)]), async |deployment| {
            let user = Uuid::new_v4();
            let client = deployment.as_user(user);
            client.record("s", &[turn("1", "tea")]).await;
            fake(deployment).faults().hang(true);
            let backfill = async {
                until(async || fake(deployment).received().len() == 1).await;
                let body = json!({ "sessionId": "s" });
                let backfill = client.post("/api/sessions/backfill", body).await;
                assert_eq!(backfill.body["pending"]["mem0"], 1, "{backfill:?}");
                let early = deliver(deployment, user, "mem0").await;
                early.is_problem(423, "job_leased");
                fake(deployment).faults().hang(false);
            };
            tokio::join!(deliver(deployment, user, "mem0"), backfill);
            let over = "update memories.adapter_syncs set leased_until = null
                where adapter = 'mem0' and state = 'pending'";
            deployment.admin().await.execute(over, &[]).await.unwrap();
            let again = deliver(deployment, user, "mem0").await;
            assert_eq!(again.body["outcome"], "done", "{again:?}");
            assert_eq!(fake(deployment).pushes().len(), 1);
            assert_eq!(kept(deployment), ["tea"]);
        });
    }
}
