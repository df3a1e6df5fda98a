//! `POST /api/jobs/dead-letter`: QStash says that it delivers a job no more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use black_box::{Deployment, Signed, on_own_deployments, run, turn, until};
use devstack::functions::Host;
use devstack::qstash::faults::{Attempt, DeliveryFault, Faults};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{EMBEDDED, impatient, quiet, swept, with};

/// While it is closed no job gets through; what QStash says of it does.
struct Door {
    closed: AtomicBool,
}

impl Faults for Door {
    fn deliver(&self, attempt: &Attempt<'_>) -> DeliveryFault {
        if self.closed.load(Ordering::Relaxed) && attempt.url.ends_with("/embed") {
            DeliveryFault::Fail
        } else {
            DeliveryFault::None
        }
    }
}

#[test]
fn what_qstash_gives_up_the_sweeper_goes_on_with() {
    run(async {
        let door = Arc::new(Door {
            closed: AtomicBool::new(true),
        });
        let faults = door.clone();
        let deployment = Deployment::start(Host::Vercel, |settings| {
            settings.qstash_faults = faults;
            settings.env = with(&[("QSTASH_RETRIES", "1")]);
        });
        let deployment = deployment.await;
        impatient(&deployment).await;
        let user = Uuid::new_v4();
        deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        // No attempt of ours was ever made: the code is of the delivery.
        let given_up = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'pending' and attempts = 0 and last_error_code = 'delivery_0'";
        until(async || deployment.count(given_up, &[&user]).await == 1).await;
        door.closed.store(false, Ordering::Relaxed);
        swept(&deployment, &vec![user], 1).await;
        let done = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'done' and last_error_code is null";
        assert_eq!(deployment.count(done, &[&user]).await, 1);
    });
}

#[test]
fn what_can_never_succeed_is_a_dead_letter_at_once() {
    run(async {
        let door = Arc::new(Door {
            closed: AtomicBool::new(true),
        });
        let faults = door.clone();
        let deployment =
            Deployment::start(Host::Vercel, |settings| settings.qstash_faults = faults);
        let deployment = deployment.await;
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "tea")]).await;
        // Of a version that is not known here yet, or no more.
        let newer =
            "update pgmq.q_memory_embed set message = jsonb_set(message, '{version}', '99')";
        deployment.admin().await.execute(newer, &[]).await.unwrap();
        door.closed.store(false, Ordering::Relaxed);
        let dead =
            "select count(*) from memories.dead_letters where user_id = $1 and reason = 'refused'";
        until(async || deployment.count(dead, &[&user]).await == 1).await;
        assert_eq!(
            deployment
                .count("select count(*) from pgmq.q_memory_embed", &[])
                .await,
            0
        );
        assert_eq!(deployment.count(EMBEDDED, &[&vec![user]]).await, 0);
        let synced = client.synced("s").await;
        assert_eq!(synced.body["dead"]["embed"], 1, "{synced:?}");
        assert_eq!(synced.body["lastSyncedAt"], Value::Null, "{synced:?}");
    });
}

#[test]
fn a_callback_that_is_forged_or_garbled_has_no_effect() {
    on_own_deployments(quiet, async |deployment| {
        let user = Uuid::new_v4();
        deployment
            .as_user(user)
            .record("s", &[turn("1", "tea")])
            .await;
        let job = deployment
            .count("select msg_id from pgmq.q_memory_embed", &[])
            .await;
        let delivery =
            |user: Uuid| json!({ "version": 1, "userId": user, "jobs": { "embed": job } });
        let callback = json!({
            "status": 489,
            "url": format!("{}/api/jobs/embed", deployment.stack.url),
            "sourceBody": STANDARD.encode(delivery(user).to_string()),
        });
        let with = |name: &str, value: Value| {
            let mut changed = callback.clone();
            changed[name] = value;
            changed
        };
        let send = async |body: String| Signed::new(deployment, "dead-letter", body).send().await;

        let nobody = deployment.as_nobody();
        let unsigned = nobody.post("/api/jobs/dead-letter", callback.clone()).await;
        unsigned.is_problem(401, "unauthorized");
        let service = deployment.as_service();
        let token = service
            .post("/api/jobs/dead-letter", callback.clone())
            .await;
        token.is_problem(401, "unauthorized");
        let forged = Signed::new(deployment, "dead-letter", callback.to_string());
        forged
            .key("another key")
            .send()
            .await
            .is_problem(401, "unauthorized");

        let elsewhere = json!("https://elsewhere.example/api/jobs/sweep");
        for body in [
            String::new(),
            "not JSON".to_owned(),
            "[]".to_owned(),
            json!({ "status": 489 }).to_string(),
            with("status", json!(-1)).to_string(),
            with("status", json!("489")).to_string(),
            with("url", elsewhere).to_string(),
            with("url", json!("")).to_string(),
            with("sourceBody", json!("&&&")).to_string(),
            with("sourceBody", json!(STANDARD.encode("garbage"))).to_string(),
            with("sourceBody", json!(STANDARD.encode([0xFF, 0xFE]))).to_string(),
            with("sourceBody", json!(STANDARD.encode("{\"version\":2}"))).to_string(),
        ] {
            let reply = send(body.clone()).await;
            eprintln!("{body}: {reply:?}");
            reply.is_problem(489, "job_refused");
        }
        // Soundly signed, of another user: there is no such job.
        let foreign = STANDARD.encode(delivery(Uuid::new_v4()).to_string());
        let reply = send(with("sourceBody", json!(foreign)).to_string()).await;
        assert!(reply.status < 500, "{reply:?}");
        let pending = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'pending' and last_error_code is null";
        assert_eq!(deployment.count(pending, &[&user]).await, 1);

        // The same that is sound, twice.
        for _ in 0..2 {
            send(callback.to_string()).await.is(200);
            let dead = "select count(*) from memories.dead_letters where user_id = $1";
            assert_eq!(deployment.count(dead, &[&user]).await, 1);
        }
        let noted = "select count(*) from memories.audit where user_id = $1";
        assert_eq!(deployment.count(noted, &[&user]).await, 1);
    });
}
