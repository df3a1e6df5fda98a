//! A database of made-up users, and the service over it.

use devstack::functions::{BuiltFunctions, Host};
use devstack::postgres::{Cluster, Database};
use devstack::stack::{Stack, workspace};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::json;
use std::time::Instant;

use super::super::client::Connection;
use super::super::{function, stack};
use super::fill;
use crate::Error;

/// Hits that a request asks for: as many as the endpoint's default.
pub(super) const LIMIT: usize = 20;

/// No answer is to be without its embedding.
const DEADLINE_MS: u32 = 10_000;

/// Tokens for all of them: a hit that has no room is left out.
const ENOUGH: u32 = 20_000;

/// Questions of each user that is asked for.
const QUESTIONS: i64 = 40;

pub(super) struct Scene {
    pub(super) database: Database,
    stack: Stack,
}

/// Where requests of one user go.
pub(super) struct Asker {
    context: Connection,
    token: String,
    queries: Vec<String>,
    asked: usize,
}

/// One answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    /// As the caller saw it, without what the embedder took, in milliseconds.
    pub(super) seen: f64,
    /// The database's part of it: one round trip.
    pub(super) database: f64,
    /// Hits, neighbours not counted.
    pub(super) hits: usize,
}

#[derive(Deserialize)]
struct Context {
    items: Vec<Item>,
    degraded: Vec<String>,
}

#[derive(Deserialize)]
struct Item {
    source: String,
}

impl Scene {
    /// Fills a new database with users that have so many turns each, and starts the service.
    pub(super) async fn start(
        server: &Cluster,
        functions: &BuiltFunctions,
        turns: &[u32],
        bar: &ProgressBar,
    ) -> Result<Self, Error> {
        let migrations = workspace().join("migrations");
        let database = server.fresh_database(&migrations).await?;
        match Self::over(&database, functions, turns, bar).await {
            Ok(stack) => Ok(Self { database, stack }),
            Err(error) => {
                database.drop().await?;
                Err(error)
            }
        }
    }

    async fn over(
        database: &Database,
        functions: &BuiltFunctions,
        turns: &[u32],
        bar: &ProgressBar,
    ) -> Result<Stack, Error> {
        let admin = database.admin().await?;
        fill::pools(&admin).await?;
        fill::users(&admin, 0, turns, bar).await?;
        fill::vacuum(database).await?;
        stack::over(database, functions.clone()).await
    }

    /// A client of the n-th user.
    pub(super) async fn asker(&self, number: u32) -> Result<Asker, Error> {
        let admin = self.database.admin().await?;
        Ok(Asker {
            context: Connection::to(&self.stack.functions.url("context")?)?,
            token: self.stack.user_token(fill::user(number))?,
            queries: fill::queries(&admin, number, QUESTIONS).await?,
            asked: 0,
        })
    }

    pub(super) async fn stop(self) -> Result<(), Error> {
        self.stack.stop().await;
        Ok(self.database.drop().await?)
    }
}

impl Asker {
    /// Asks the next question. Blocking.
    pub(super) fn ask(&mut self) -> Result<Answered, Error> {
        let query = self.queries.get(self.asked % self.queries.len().max(1));
        self.asked += 1;
        let body = json!({
            "query": query,
            "limit": LIMIT,
            "maxTokens": ENOUGH,
            "deadlineMs": DEADLINE_MS,
        });
        let (token, path) = (Some(self.token.as_str()), "/api/context");
        let request = function::request(Host::Vercel, "POST", path, token, &body.to_string());
        let begun = Instant::now();
        let answer = self.context.send(&request)?;
        let seen = begun.elapsed().as_secs_f64() * 1e3;
        let part = |name: &str| answer.timing.of(name).unwrap_or(0.0);
        let (embedder, database) = (part("embeddings"), part("supabase"));
        let context: Context = serde_json::from_slice(&answer.expect(&[200])?.body)?;
        if !context.degraded.is_empty() {
            return Err(format!("the context lacks {:?}", context.degraded).into());
        }
        let hits = context.items.iter();
        Ok(Answered {
            seen: seen - embedder,
            database,
            hits: hits.filter(|item| item.source != "neighbor").count(),
        })
    }
}
