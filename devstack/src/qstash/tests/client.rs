//! The service's own client: what it publishes is delivered, signed as the service checks it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use memory_orchestrator::{
    adapters::{
        ErrorKind,
        http::Outbound,
        upstash::qstash::{Pace, QStash, Schedule},
    },
    auth::qstash_signature::verify,
    config,
    domain::{
        deadline::Deadline,
        ids::UserId,
        job::{Delivery, Jobs},
    },
};
use uuid::Uuid;

use super::{Bench, Receiver};
use crate::qstash::{
    Qstash, Settings,
    faults::{Faults, PublishFault},
};

/// Nobody listens there.
const PUBLIC_URL: &str = "http://127.0.0.1:9";

pub(super) fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

pub(super) fn client(qstash: &Qstash, token: &str) -> QStash {
    client_at(PUBLIC_URL, qstash, token)
}

/// A client of the deployment at `public_url`.
pub(super) fn client_at(public_url: &str, qstash: &Qstash, token: &str) -> QStash {
    let config = config::QStash {
        url: qstash.url().to_owned(),
        token: Some(config::Secret::new(token)),
        topic: "memory.sync".to_owned(),
        retries: 3,
        user_parallelism: 4,
        backfill_rate: 30,
        signing_keys: Vec::new(),
    };
    QStash::new(config, public_url, Arc::new(Outbound::new(None)))
}

pub(super) fn delivery(embed: i64) -> Delivery {
    let jobs = Jobs {
        embed: Some(embed),
        ..Jobs::default()
    };
    Delivery::new(UserId(Uuid::from_u128(7)), jobs)
}

#[tokio::test]
async fn what_is_published_arrives_signed_and_once_a_minute_at_most() {
    let receiver = Receiver::ok().await;
    let Bench { qstash, .. } = Bench::start().await;
    let client = client(&qstash, qstash.token());
    let address = format!("{}/api/jobs/embed", receiver.url);
    client.subscribe(&[&address], soon()).await.unwrap();

    client.publish(&[], Pace::Live, soon()).await.unwrap();
    client
        .publish(&[delivery(1)], Pace::Live, soon())
        .await
        .unwrap();
    client
        .publish(&[delivery(1)], Pace::Live, soon())
        .await
        .unwrap();
    client
        .publish(&[delivery(2), delivery(3)], Pace::Live, soon())
        .await
        .unwrap();
    qstash.idle().await;

    let hits = receiver.hits();
    // A minute may have passed between the two.
    assert!((3..=4).contains(&hits.len()), "{}", hits.len());
    let keys = [config::Secret::new(qstash.signing_keys().current)];
    for hit in &hits {
        verify(&keys, &hit.headers, &address, &hit.body).unwrap();
        let read: Delivery = serde_json::from_slice(&hit.body).unwrap();
        assert_eq!(read, delivery(read.jobs.embed.unwrap()));
    }
}

#[tokio::test]
async fn topics_and_schedules_are_set_read_and_ended() {
    let Bench { qstash, .. } = Bench::start().await;
    let client = client(&qstash, qstash.token());
    assert_eq!(client.subscribers(soon()).await.unwrap(), None);
    let urls = ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b"];
    client.subscribe(&urls, soon()).await.unwrap();
    client.subscribe(&urls, soon()).await.unwrap();
    assert_eq!(client.subscribers(soon()).await.unwrap().unwrap(), urls);
    client.unsubscribe(&urls[..1], soon()).await.unwrap();
    let left = client.subscribers(soon()).await.unwrap();
    assert_eq!(left.unwrap(), urls[1..]);

    let mut schedule = Schedule {
        id: "memory-sweep".to_owned(),
        cron: "*/5 * * * *".to_owned(),
        destination: "http://127.0.0.1:9/sweep".to_owned(),
        method: "POST".to_owned(),
        retries: 0,
        paused: false,
    };
    client.set_schedule(&schedule, soon()).await.unwrap();
    schedule.cron = "* * * * *".to_owned();
    client.set_schedule(&schedule, soon()).await.unwrap();
    assert_eq!(client.schedules(soon()).await.unwrap(), [schedule]);
    client
        .delete_schedule("memory-sweep", soon())
        .await
        .unwrap();
    assert!(client.schedules(soon()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_accounts_keys_are_told() {
    let Bench { qstash, .. } = Bench::start().await;
    let told = client(&qstash, qstash.token())
        .account_keys(soon())
        .await
        .unwrap();
    let keys = qstash.signing_keys();
    assert_eq!(
        told.each_ref().map(config::Secret::expose),
        [&keys.current, &keys.next]
    );
}

#[tokio::test]
async fn a_refusal_and_a_silence_are_told_apart() {
    let Bench { qstash, .. } = Bench::start().await;
    let stranger = client(&qstash, "wrong");
    let refused = stranger
        .publish(&[delivery(1)], Pace::Live, soon())
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Denied);

    let client = client(&qstash, qstash.token());
    qstash.stop().await;
    let gone = client
        .publish(&[delivery(1)], Pace::Live, soon())
        .await
        .unwrap_err();
    assert_eq!(gone.kind, ErrorKind::Unreachable);
}

/// Loses the reply to the first publish.
struct OnceLost(AtomicBool);

impl Faults for OnceLost {
    fn publish(&self, _destinations: &[String]) -> PublishFault {
        if self.0.swap(true, Ordering::Relaxed) {
            PublishFault::None
        } else {
            PublishFault::LoseReply
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_replaced_and_the_message_stays_one() {
    let receiver = Receiver::ok().await;
    let settings = Settings {
        faults: Arc::new(OnceLost(AtomicBool::new(false))),
        ..Settings::default()
    };
    let Bench { qstash, .. } = Bench::with(settings).await;
    let client = client(&qstash, qstash.token());
    client.subscribe(&[&receiver.url], soon()).await.unwrap();
    client
        .publish(&[delivery(1)], Pace::Live, soon())
        .await
        .unwrap();
    qstash.idle().await;
    // Two when a minute passed between the two attempts.
    assert!((1..=2).contains(&receiver.hits().len()));
}
