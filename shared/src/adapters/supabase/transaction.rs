//! One transaction, one statement, one round trip.
//!
//! `begin` with the claims, the statement and `commit` are sent together, and the three answers
//! are read together. If the claims cannot be set the transaction is aborted and the statement
//! fails with it, so it fails closed. Only `query_typed` is used: it names no statement, so a
//! transaction pooler may give each transaction another connection.

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use tracing::Instrument;

use super::super::Adapter;
use super::error::{is_passing, late};
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::telemetry;

/// Whom the transaction runs as. Row level security shows it this user's rows and no others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Actor {
    /// The user, with the rights of a request.
    User(UserId),
    /// A job for the user, with the rights of a job.
    Worker(UserId),
    /// The sweeper, which sees no row of a user.
    Sweeper,
}

/// A parameter and its type: the driver may not ask the server for it.
pub(super) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

enum Attempt {
    Done(Vec<Row>),
    /// The same statement may succeed on another connection.
    Again(StoreError),
    Failed(StoreError),
}

impl Supabase {
    /// Runs `statement` in a transaction of its own and returns its rows once it is committed.
    /// When the connection turns out to be dead it is run once more on a new one, so a statement
    /// must be safe to repeat.
    pub(super) async fn transact(
        &self,
        name: &'static str,
        actor: Actor,
        statement: &str,
        params: &[Param<'_>],
        deadline: Deadline,
    ) -> Result<Vec<Row>, StoreError> {
        let span = telemetry::adapter_span(Adapter::Supabase, name);
        let work = async {
            match self.attempt(actor, statement, params, deadline).await {
                Attempt::Done(rows) => Ok(rows),
                Attempt::Failed(error) => Err(error),
                Attempt::Again(_) => {
                    // What broke one idle connection has broken the others too.
                    self.pool.forget_idle();
                    match self.attempt(actor, statement, params, deadline).await {
                        Attempt::Done(rows) => Ok(rows),
                        Attempt::Failed(error) | Attempt::Again(error) => Err(error),
                    }
                }
            }
        };
        telemetry::observed(span.clone(), work.instrument(span)).await
    }

    async fn attempt(
        &self,
        actor: Actor,
        statement: &str,
        params: &[Param<'_>],
        deadline: Deadline,
    ) -> Attempt {
        let connection = match self.connection(deadline).await {
            Ok(connection) => connection,
            Err(error) => return Attempt::Failed(error.into()),
        };
        let opening = opening(actor, deadline);
        // Polled together for the first time, the three are written together.
        let trip = futures_util::future::join3(
            connection.batch_execute(&opening),
            connection.query_typed(statement, params),
            connection.batch_execute("commit"),
        );
        match tokio::time::timeout_at(deadline.instant(), trip).await {
            Err(_) => {
                discard(connection);
                Attempt::Failed(late().into())
            }
            Ok((Ok(()), Ok(rows), Ok(()))) => Attempt::Done(rows),
            Ok((opened, answered, committed)) => {
                // The first of the three that failed is the cause of the others.
                let cause = match (opened.err(), answered.err(), committed.err()) {
                    (Some(cause), _, _) | (None, Some(cause), _) | (None, None, Some(cause)) => {
                        cause
                    }
                    (None, None, None) => return Attempt::Failed(late().into()),
                };
                let again = is_passing(&cause);
                if connection.is_closed() {
                    discard(connection);
                }
                if again {
                    Attempt::Again(cause.into())
                } else {
                    Attempt::Failed(cause.into())
                }
            }
        }
    }
}

/// Closes a connection instead of giving it back to the pool.
fn discard(connection: Object) {
    drop(Object::take(connection));
}

/// `begin`, the role, the claims that row level security reads, and the server's own time limit.
/// A UUID and a number need no quoting. (A `select` of three `set_config` would be planned and
/// executed, each time.)
fn opening(actor: Actor, deadline: Deadline) -> String {
    let (role, subject) = match actor {
        Actor::User(UserId(user)) => ("authenticated", format!("\"sub\":\"{user}\",")),
        Actor::Worker(UserId(user)) => ("memory_worker", format!("\"sub\":\"{user}\",")),
        Actor::Sweeper => ("memory_sweeper", String::new()),
    };
    let limit = deadline.remaining().as_millis().max(1);
    format!(
        "begin; set local role {role}; \
         set local request.jwt.claims = '{{{subject}\"role\":\"{role}\"}}'; \
         set local statement_timeout = {limit}"
    )
}
