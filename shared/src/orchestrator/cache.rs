//! What contexts need again soon, in Redis: the embeddings of queries and whole answers ("snapshots"). The service is
//! complete without it: whatever fails here, or is rubbish, is a miss, and the caller goes on.
//!
//! | key | what | lives |
//! |---|---|---|
//! | `memory:{user}:embedding:{model}:{dimensions}:{hash}` | the vector of a query (`vector.rs`) | 1 hour |
//! | `memory:{user}` | the user's generation, a random text | 1 hour |
//! | `memory:{user}:{session or -}` | the latest snapshot: generation, the request's hash, the answer | 60 s |
//! | `memory:{user}:{session or -}:asked` | the hash of the latest request | 60 s |
//!
//! Hashes are keyed and scoped to a user (`keys.rs`). Text of a user stands only in a snapshot's answer, so for 60 seconds,
//! and sealed (`seal.rs`). Every key begins with its user, so that an erasure finds them all (`purge.rs`).
//!
//! # What makes a snapshot stale
//! A turn of any session changes what all the user's contexts may find, so [`Cache::invalidate`] replaces the user's
//! generation, and a snapshot of another generation is a miss. The generation is read before the context is computed and
//! stored with it: a context that a turn overtakes is stored under the old one and never served. So invalidate after
//! the commit and before the answer, and a caller that has the answer sees its own turn. An invalidation that is lost
//! (Redis down, the instance killed after the commit) makes a context up to 60 seconds old.
//!
//! # What it costs, and when it pays
//! Nothing may happen after the answer, so each round trip delays an answer unless something slower runs beside it.
//! - [`Cache::lookup`] is one round trip, for at most 30 ms; it spares a provider's 20 to 300 ms, which begin when it has
//!   not answered after a few.
//!   After a failure this instance does not look again for 2 seconds: an outage costs 30 ms now and then, not always.
//! - [`Cache::store_embedding`] is meant to run beside the database's round trip, where it costs nothing. So each
//!   vector is stored.
//! - [`Cache::store_snapshot`] can only run last, where it costs its round trip. Most requests come once (each message
//!   is another query), so a snapshot is stored when the same request came before within 60 seconds, as the steps of
//!   an agent, a reload or a retry do. The lookup finds that out on its way. The second request pays, the third gains.
//! - [`Cache::invalidate`] is meant to run beside the publish.
//!
//! # How it is used
//! ```text
//! fetch_context   looked = cache.lookup(&question, deadline)   -> looked.snapshot? answer it as it is
//!                 vector = looked.embedding, or the provider's
//!                 join(database, cache.store_embedding(&ticket, &vector, deadline))    when the provider made it
//!                 cache.store_snapshot(&ticket, &answer, deadline)    when nothing is degraded
//! record_turns    join(publish, cache.invalidate(user))     after the commit
//! embed job       cache.invalidate(user)                    optional: found by meaning at once, not after 60 s
//! ```

mod found;
mod keys;
mod purge;
mod seal;
mod vector;

use std::time::Duration;

use uuid::Uuid;

use self::found::Found;
pub use self::found::{Looked, Ticket};
use self::keys::Keys;
use self::seal::Seal;
use super::report::reported;
use super::rest::Rest;
use crate::adapters::upstash::redis::{Command, Redis};
use crate::config;
use crate::contract::answers::AdapterReport;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// How long a lookup or a store may take.
const PATIENCE: Duration = Duration::from_millis(30);

/// How long an invalidation may take: it runs beside a publish, and its loss is felt.
const INVALIDATION: Duration = Duration::from_millis(250);

/// How long a snapshot lives, and how long a request is remembered.
const SNAPSHOT: Duration = Duration::from_secs(60);

/// How long embeddings and generations live. A generation must outlive the snapshots of the one before it.
const HOUR: Duration = Duration::from_secs(3600);

/// A longer answer is not stored, in bytes: its way there and back costs more than it spares.
const LARGEST_SNAPSHOT: usize = 256 << 10;

/// The cache.
#[derive(Debug)]
pub struct Cache {
    redis: Redis,
    keys: Keys,
    seal: Seal,
    /// The length of a query's vector.
    dimensions: usize,
    rest: Rest,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The tenant.
    pub user: UserId,
    /// Our id of the session, when the request names one.
    pub session: Option<Uuid>,
    /// The whole body of the request: the same bytes are the same request.
    pub request: &'a [u8],
    /// The text to embed, when there is one and a provider for it.
    pub query: Option<&'a str>,
}

impl Cache {
    /// A cache for one provider of embeddings, or none. The keys of hashes and of the seal are made of `secret`.
    pub fn new(
        redis: Redis,
        secret: &config::Secret,
        embeddings: Option<&config::Embeddings>,
    ) -> Self {
        Self {
            redis,
            keys: Keys::new(secret, embeddings),
            seal: Seal::new(secret),
            dimensions: embeddings.map_or(0, |embeddings| embeddings.dimensions),
            rest: Rest::default(),
        }
    }

    /// Opens the connection that the first lookup will use.
    pub async fn warm(&self, deadline: Deadline) {
        self.redis.warm(deadline).await;
    }

    /// Looks for everything at once.
    pub async fn lookup(&self, question: &Question<'_>, deadline: Deadline) -> Looked {
        let ticket = self.ticket(question).filter(|_| !self.rest.lasts());
        let Some(mut ticket) = ticket else {
            return Looked::nothing(AdapterReport::skipped());
        };
        let user = keys::generation(question.user);
        let asked = format!("{}:asked", ticket.snapshot);
        let generation = ["GET", &user];
        let snapshot = ["GET", &ticket.snapshot];
        let minute = SNAPSHOT.as_secs().to_string();
        let came = ["SET", &asked, &ticket.request, "EX", &minute, "GET"];
        let embedding = ["GET", ticket.embedding.as_deref().unwrap_or_default()];
        let all: [Command<'_>; 4] = [&generation, &snapshot, &came, &embedding];
        let commands = if ticket.embedding.is_some() {
            &all[..]
        } else {
            &all[..3]
        };

        let deadline = deadline.at_most(PATIENCE);
        let (found, report) = reported(self.redis.pipeline("lookup", commands, deadline)).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "nothing looked up");
                self.rest.begin();
                return Looked::nothing(report);
            }
        };
        let mut found = found.into_iter().map(Found::from);
        let mut next = || found.next().unwrap_or(Found::Rubbish);
        ticket.generation = match next() {
            Found::Text(text) => Some(text),
            Found::Nothing => Some(String::new()),
            Found::Rubbish => None,
        };
        let snapshot = next().some().and_then(|text| {
            let sealed = ticket.matching(&text)?;
            self.seal.open(&ticket.request, sealed)
        });
        ticket.came_before = next().some().as_ref() == Some(&ticket.request);
        let embedding = next()
            .some()
            .and_then(|text| vector::decode(&text, self.dimensions));
        Looked {
            snapshot,
            embedding,
            ticket: Some(ticket),
            report,
        }
    }

    /// Keeps the vector of the ticket's query. For beside the database's round trip.
    pub async fn store_embedding(
        &self,
        ticket: &Ticket,
        vector: &[f32],
        deadline: Deadline,
    ) -> AdapterReport {
        let Some(key) = &ticket.embedding else {
            return AdapterReport::skipped();
        };
        let value = vector::encode(vector);
        self.put(key, &value, HOUR, deadline.at_most(PATIENCE))
            .await
    }

    /// Keeps the answer to the ticket's request, if that came before. Only for an answer that lacks nothing.
    pub async fn store_snapshot(
        &self,
        ticket: &Ticket,
        answer: &str,
        deadline: Deadline,
    ) -> AdapterReport {
        let generation = ticket.generation.as_ref().filter(|_| ticket.came_before);
        let Some(generation) = generation.filter(|_| answer.len() <= LARGEST_SNAPSHOT) else {
            return AdapterReport::skipped();
        };
        let Some(sealed) = self.seal.close(&ticket.request, answer) else {
            return AdapterReport::skipped();
        };
        let value = format!("{generation}\n{}\n{sealed}", ticket.request);
        self.put(
            &ticket.snapshot,
            &value,
            SNAPSHOT,
            deadline.at_most(PATIENCE),
        )
        .await
    }

    /// Makes all snapshots of the user a miss. After a commit that changes what a context may find, before the answer.
    pub async fn invalidate(&self, user: UserId) -> AdapterReport {
        let key = keys::generation(user);
        // Random, not counted: a counter that expired would begin with numbers that were used.
        let generation = Uuid::new_v4().simple().to_string();
        self.put(&key, &generation, HOUR, Deadline::after(INVALIDATION))
            .await
    }

    fn ticket(&self, question: &Question<'_>) -> Option<Ticket> {
        let embedding = match question.query {
            Some(query) => Some(self.keys.embedding(question.user, query)?),
            None => None,
        };
        Some(Ticket {
            snapshot: keys::snapshot(question.user, question.session),
            embedding,
            request: self.keys.request(question.user, question.request)?,
            generation: None,
            came_before: false,
        })
    }

    async fn put(
        &self,
        key: &str,
        value: &str,
        ttl: Duration,
        deadline: Deadline,
    ) -> AdapterReport {
        let (put, report) = reported(self.redis.set_ex(key, value, ttl, deadline)).await;
        if let Err(error) = put {
            tracing::warn!(%error, "not cached");
        }
        report
    }
}
