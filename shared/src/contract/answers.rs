//! The answers' bodies.

mod context;

pub use self::context::*;

use serde_json::Value;
use uuid::Uuid;

use super::bodies::Role;
use super::scalars::Moment;
use super::shape::{object, words};

words! {
    /// How a request went over all its adapters.
    Status {
        /// Everything was done.
        Ok = "ok",
        /// What matters is durable; something else is late, and will be tried again.
        Partial = "partial",
        /// Nothing was done.
        Error = "error",
    }
}

words! {
    /// How one adapter went.
    AdapterStatus {
        /// It answered.
        Ok = "ok",
        /// It failed, or was late; what it should have done is durable and tried again.
        Error = "error",
        /// It is switched off, or had nothing to do.
        Skipped = "skipped",
    }
}

words! {
    /// Why an item stands in a context.
    Source {
        /// Among the latest turns of the session.
        Recent = "recent",
        /// Fits the query.
        Relevant = "relevant",
        /// Stands beside a relevant turn and makes it understandable.
        Neighbor = "neighbor",
        /// A fact that Mem0 has extracted.
        Fact = "fact",
    }
}

object! { answer
    /// One adapter's part in a request.
    AdapterReport {
        /// How it went.
        status: AdapterStatus,
        /// How long it took, in milliseconds.
        duration_ms: f64,
    }
}

object! { answer
    /// The adapters of recording.
    RecordAdapters {
        /// Postgres.
        supabase: AdapterReport,
        /// QStash.
        upstash: AdapterReport,
        /// Mem0, which is always fed by a job.
        mem0: AdapterReport,
    }
}

object! { answer
    /// One recorded turn.
    RecordedTurn {
        /// The client's id.
        id: String,
        /// Ours.
        turn_id: Uuid,
        /// The turn's place in its session, from 1.
        seq: u32,
        /// False when the turn was known already.
        created: bool,
        /// How often the turn was written with another body, from 1.
        revision: u32,
    }
}

object! { answer
    /// `POST /api/turns`
    RecordTurnsAnswer {
        /// The client's id of the session.
        session_id: String,
        /// How it went.
        status: Status,
        /// In the order they were sent.
        turns: Vec<RecordedTurn>,
        /// Each adapter's part.
        adapters: RecordAdapters,
    }
}

object! { answer
    /// How many turns, per adapter.
    Pending {
        /// Their embeddings.
        embed: u32,
        /// Their way to Mem0.
        mem0: u32,
    }
}

object! { answer
    /// `POST /api/sessions/sync` and `POST /api/sessions/backfill`
    SyncAnswer {
        /// The client's id of the session.
        session_id: String,
        /// `partial` when what is missing could not be handed to the queue.
        status: Status,
        /// What is still missing; it is enqueued.
        pending: Pending,
        /// What was given up after the last attempt, and waits for an operator or a backfill.
        dead: Pending,
        /// When nothing was missing, and nothing given up, for the last time.
        last_synced_at: Option<Moment>,
    }
}

object! { answer
    /// One session.
    SessionSummary {
        /// The client's id.
        session_id: String,
        /// Its title.
        title: Option<String>,
        /// Anything else that is known of it.
        metadata: Value,
        /// The last sequence number, which is the number of turns.
        turn_count: u32,
        /// When nothing was missing for the last time.
        last_synced_at: Option<Moment>,
        /// When it began.
        created_at: Moment,
        /// When its last turn was recorded.
        updated_at: Moment,
    }
}

object! { answer
    /// `GET /api/sessions`
    SessionPage {
        /// The sessions, the latest first.
        sessions: Vec<SessionSummary>,
        /// What to send as `cursor` for the next page; null on the last.
        next_cursor: Option<String>,
    }
}

object! { answer
    /// One turn as it was recorded.
    StoredTurn {
        /// The client's id.
        id: String,
        /// Ours.
        turn_id: Uuid,
        /// Its place in the session, from 1.
        seq: u32,
        /// How often it was written with another body, from 1.
        revision: u32,
        /// Who said it.
        role: Role,
        /// Their name, when it came with one.
        name: Option<String>,
        /// What was said, as it was sent.
        content: Value,
        /// As they were sent.
        attachments: Option<Value>,
        /// As they were sent.
        tool_calls: Option<Value>,
        /// As they were sent.
        tool_results: Option<Value>,
        /// As it was sent.
        metadata: Option<Value>,
        /// When it was said.
        created_at: Moment,
    }
}

object! { answer
    /// `GET /api/sessions/{id}`
    SessionAnswer {
        /// The session.
        session: SessionSummary,
        /// Its turns in order.
        turns: Vec<StoredTurn>,
        /// What to send as `cursor` for the next page; null on the last.
        next_cursor: Option<String>,
    }
}

object! { answer
    /// `DELETE /api/memory` and `DELETE /api/sessions/{id}`
    ErasureAnswer {
        /// The record's id. By now no row is left in the database.
        erasure_id: Uuid,
        /// `partial` when what Mem0 and Redis hold could not be handed to the queue: it goes later.
        status: Status,
    }
}

words! {
    /// What was erased.
    ErasureScope {
        /// Everything.
        All = "all",
        /// A session.
        Session = "session",
        /// Turns that were kept for as long as the policy says.
        Retention = "retention",
    }
}

words! {
    /// What another system says of an erasure.
    Confirmation {
        /// It may still hold something.
        Pending = "pending",
        /// Nothing is left there.
        Done = "done",
        /// It never held anything.
        Skipped = "skipped",
    }
}

object! { answer
    /// The record of an erasure.
    ErasureRecord {
        /// Its id.
        erasure_id: Uuid,
        /// What was erased.
        scope: ErasureScope,
        /// When the rows went.
        requested_at: Moment,
        /// How many rows went, per kind.
        rows: Value,
        /// Mem0.
        mem0: Confirmation,
        /// The cache.
        redis: Confirmation,
        /// When nothing was left anywhere.
        confirmed_at: Option<Moment>,
    }
}

object! { answer
    /// `GET /api/memory`
    ErasureList {
        /// The latest hundred, the latest first.
        erasures: Vec<ErasureRecord>,
    }
}

words! {
    /// What a delivered job came to.
    JobOutcome {
        /// Its effect was written now.
        Done = "done",
        /// There was nothing left to do: another delivery did it, or its turns are gone.
        Gone = "gone",
        /// Its adapter is not configured here; the job stays queued until it is.
        Waiting = "waiting",
        /// Another sweep is running.
        Leased = "leased",
    }
}

object! { answer
    /// `POST /api/jobs/{job}`
    JobAnswer {
        /// What it came to.
        outcome: JobOutcome,
        /// Only of a sweep.
        sweep: Option<SweepReport>,
    }
}

impl From<JobOutcome> for JobAnswer {
    fn from(outcome: JobOutcome) -> Self {
        Self {
            outcome,
            sweep: None,
        }
    }
}

object! { answer
    /// What a sweep did.
    SweepReport {
        /// Jobs that were not finished in time.
        taken: u32,
        /// Of these, how many were handed to QStash again.
        sent: u32,
        /// And how many the sweeper did by itself.
        worked: u32,
        /// Turns whose job had been lost, and that have a new one now.
        adopted: u32,
    }
}

object! { answer
    /// `GET /api/health`
    HealthAnswer {
        /// `ok`, or with the service token `error` when the database does not answer.
        status: Status,
        /// The running version.
        version: &'static str,
        /// Only with the service token.
        adapters: Option<HealthAdapters>,
        /// Only with the service token: the adapters whose jobs wait.
        open_circuits: Option<Vec<OpenCircuit>>,
    }
}

object! { answer
    /// Readiness.
    HealthAdapters {
        /// Postgres.
        supabase: AdapterReport,
        /// QStash.
        upstash: AdapterReport,
        /// The embeddings provider.
        embeddings: AdapterReport,
        /// Mem0.
        mem0: AdapterReport,
    }
}

object! { answer
    /// An adapter that is left alone, since it was found down.
    OpenCircuit {
        /// `embeddings` or `mem0`.
        adapter: &'static str,
        /// What was found: `denied` waits for a person, anything else may pass.
        reason: String,
    }
}
