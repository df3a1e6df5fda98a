//! One contract suite for our adapter, run over three Mem0s: the fake by each of its APIs, and the real
//! engine. What only a fake can show, faults and what was sent, has tests of its own.

mod contract;
mod faults;
mod repeats;

use std::sync::Arc;
use std::time::Duration;

use memory_orchestrator::adapters::http::Outbound;
use memory_orchestrator::adapters::mem0::{Fact, Forget, Mem0 as Client, Push};
use memory_orchestrator::adapters::{Error, ErrorKind};
use memory_orchestrator::config::{self, Mem0Api, Secret};
use memory_orchestrator::contract::bodies::Role;
use memory_orchestrator::domain::deadline::Deadline;
use memory_orchestrator::domain::ids::UserId;
use memory_orchestrator::redact::{RedactedText, Redactor};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Mem0, Settings};

/// A Mem0 of some sort, our client of it, and a user nobody else has.
struct Bench {
    client: Client,
    config: config::Mem0,
    user: UserId,
    session: Uuid,
}

/// A turn that a test pushes.
#[derive(Clone)]
struct Turn {
    id: Uuid,
    revision: i32,
    role: Role,
    text: RedactedText,
    repeat: bool,
}

impl Turn {
    fn new(text: &str) -> Self {
        Self {
            id: Uuid::new_v4(),
            revision: 1,
            role: Role::User,
            text: redact(text),
            repeat: false,
        }
    }

    fn repeated(&self) -> Self {
        Self {
            repeat: true,
            ..self.clone()
        }
    }

    fn revised(&self, text: &str) -> Self {
        Self {
            revision: self.revision + 1,
            text: redact(text),
            ..self.clone()
        }
    }
}

fn redact(text: &str) -> RedactedText {
    Redactor::default().redact(text)
}

impl Bench {
    fn new(api: Mem0Api, url: &str, key: &str, infer: bool) -> Self {
        let config = config::Mem0 {
            api,
            url: url.to_owned(),
            key: Some(Secret::new(key)),
            roles: vec![Role::User, Role::Assistant],
            infer,
            concurrency: 2,
        };
        Self {
            client: client(&config),
            config,
            user: UserId(Uuid::new_v4()),
            session: Uuid::new_v4(),
        }
    }

    /// The fake by one of its APIs.
    fn of(fake: &Mem0, api: Mem0Api) -> Self {
        Self::new(api, fake.url(), fake.api_key(), true)
    }

    /// The same Mem0 and user, by a client with other settings.
    fn with(&self, change: impl FnOnce(&mut config::Mem0)) -> Self {
        let mut config = self.config.clone();
        change(&mut config);
        Self {
            client: client(&config),
            config,
            user: self.user,
            session: self.session,
        }
    }

    async fn push(&self, turn: &Turn) -> Result<Option<String>, Error> {
        self.push_within(turn, Duration::from_secs(10)).await
    }

    async fn push_within(&self, turn: &Turn, time: Duration) -> Result<Option<String>, Error> {
        let push = Push {
            session: self.session,
            turn: turn.id,
            revision: turn.revision,
            role: turn.role,
            text: &turn.text,
            created_at: said_at(),
            repeat: turn.repeat,
        };
        self.client
            .push(self.user, &push, Deadline::after(time))
            .await
    }

    async fn search(&self, query: &str) -> Vec<Fact> {
        let deadline = Deadline::after(Duration::from_secs(10));
        let query = redact(query);
        self.client
            .search(self.user, &query, 10, deadline)
            .await
            .unwrap()
    }

    /// What a search finds, once the platform has done what it accepted.
    async fn found(&self, query: &str, facts: usize) -> Vec<Fact> {
        for _ in 0..100 {
            let found = self.search(query).await;
            if found.len() == facts {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("not {facts} facts: {:?}", self.search(query).await);
    }

    async fn delete_user(&self) -> Result<(), Error> {
        let deadline = Deadline::after(Duration::from_secs(10));
        self.client.delete_user(self.user, deadline).await
    }

    async fn forget(&self, what: Forget<'_>) -> Result<(), Error> {
        let deadline = Deadline::after(Duration::from_secs(10));
        self.client.forget(self.user, &what, deadline).await
    }
}

fn client(config: &config::Mem0) -> Client {
    Client::new(config.clone(), Arc::new(Outbound::new(None)))
}

fn said_at() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

async fn fake() -> Mem0 {
    Mem0::start(Settings::default()).await.unwrap()
}

/// Both APIs of one fake, each with a user of its own.
fn both(fake: &Mem0) -> [Bench; 2] {
    [Mem0Api::Platform, Mem0Api::Server].map(|api| Bench::of(fake, api))
}
