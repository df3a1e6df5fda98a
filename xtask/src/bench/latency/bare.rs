//! The same transactions without the service: one warm connection of bare tokio-postgres.

use devstack::embedder::lexical;
use pgvector::HalfVector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_postgres::types::{Json, Kind, ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

use crate::Error;

/// As `shared/src/adapters/supabase/turns.rs` has it.
const RECORD: &str = "
select memories.record_turns($1, $2, $3, $4, $5, $6)";

/// As `shared/src/adapters/supabase/context.rs` has it.
const FETCH: &str = "
select
    source, turn_id, external_id, session_id, session_external_id, role, name, text, seq, created_at, day, score,
    parts
from memories.fetch_context($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";

/// A connection on a runtime of one thread, as a function has it: no thread waits for another.
pub(super) struct Bare {
    runtime: Runtime,
    client: Client,
    halfvec: Type,
}

impl Bare {
    pub(super) fn connect(url: &str) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls))?;
        runtime.spawn(connection);
        let look_up = "select 'extensions.halfvec'::regtype::oid";
        let rows = runtime.block_on(client.query_typed(look_up, &[]))?;
        let oid = rows.first().ok_or("no halfvec")?.get(0);
        let halfvec = Type::new("halfvec".into(), oid, Kind::Simple, "extensions".into());
        Ok(Self {
            runtime,
            client,
            halfvec,
        })
    }

    /// Lets something end, on this runtime.
    pub(super) fn wait(&self, until: impl Future<Output = ()>) {
        self.runtime.block_on(until);
    }

    /// Records one turn.
    pub(super) fn record(&self, user: Uuid, session: Uuid, text: &str) -> Result<usize, Error> {
        let turns: Vec<Value> = vec![json!({
            "id": Uuid::new_v4(),
            "role": "user",
            "content": text,
            "text": text,
            "bodyHash": Uuid::new_v4().simple().to_string().repeat(2),
        })];
        let none: Option<&str> = None;
        let adapters = json!({ "embed": ["user", "assistant", "system", "tool"] });
        self.transact(
            user,
            RECORD,
            &[
                (&session, Type::UUID),
                (&none, Type::TEXT),
                (&none, Type::TEXT),
                (&Json(turns), Type::JSONB),
                (&false, Type::BOOL),
                (&Json(adapters), Type::JSONB),
            ],
        )
    }

    /// Fetches context as an endpoint without options does.
    pub(super) fn fetch(&self, user: Uuid, session: Uuid, query: &Query) -> Result<usize, Error> {
        self.transact(
            user,
            FETCH,
            &[
                (&session, Type::UUID),
                (&false, Type::BOOL),
                (&10_i32, Type::INT4),
                (&query.text, Type::TEXT),
                (&lexical::NAME, Type::TEXT),
                (&query.embedding, self.halfvec.clone()),
                (&20_i32, Type::INT4),
                (&false, Type::BOOL),
                (&Json(json!([])), Type::JSONB),
                (&"UTC", Type::TEXT),
                (&false, Type::BOOL),
            ],
        )
    }

    /// One round trip; answers how many rows came.
    fn transact(
        &self,
        user: Uuid,
        statement: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<usize, Error> {
        let opening = format!(
            "begin; set local role authenticated; \
             set local request.jwt.claims = '{{\"sub\":\"{user}\",\"role\":\"authenticated\"}}'; \
             set local statement_timeout = 3000"
        );
        let (opened, rows, committed) = self.runtime.block_on(async {
            tokio::join!(
                self.client.batch_execute(&opening),
                self.client.query_typed(statement, params),
                self.client.batch_execute("commit"),
            )
        });
        opened?;
        committed?;
        let rows: Vec<Row> = rows?;
        Ok(rows.len())
    }
}

/// A query that is embedded already.
pub(super) struct Query {
    text: String,
    embedding: HalfVector,
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        let embedding = HalfVector::from_f32_slice(&lexical::embed(text));
        Self {
            text: text.to_owned(),
            embedding,
        }
    }
}
