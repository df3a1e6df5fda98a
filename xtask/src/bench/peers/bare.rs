//! The floor: one row with its vector in, the ten nearest rows of a user out, by bare tokio-postgres.
//!
//! The vectors are there before the clock starts: this side never embeds.

use std::time::Instant;

use devstack::embedder::minilm;
use pgvector::Vector;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use super::super::recall::said;
use super::contender::{Contender, LIMIT, Took};
use super::embedder::Vectors;
use super::talk::{Asked, Said};
use crate::Error;

const TABLE: &str = "
create extension if not exists vector;
create table turns (
    user_id uuid not null,
    id text not null,
    text text not null,
    embedding vector($dimensions) not null,
    primary key (user_id, id)
);";

const INSERT: &str = "insert into turns (user_id, id, text, embedding) values ($1, $2, $3, $4)";

const SEARCH: &str = "select id from turns where user_id = $1 order by embedding <=> $2 limit $3";

/// One warm connection with its statements prepared, on a runtime of one thread: no thread waits for another.
pub(super) struct Bare {
    runtime: Runtime,
    client: Client,
    insert: Statement,
    search: Statement,
    users: Vec<Uuid>,
    vectors: Vectors,
}

impl Bare {
    /// Over an empty database, given by its owner's URL.
    pub(super) fn start(
        database_url: &str,
        users: &[Uuid],
        vectors: Vectors,
    ) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (client, insert, search) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(database_url, NoTls).await?;
            tokio::spawn(connection);
            let table = TABLE.replace("$dimensions", &minilm::DIMENSIONS.to_string());
            client.batch_execute(&table).await?;
            let insert = client.prepare(INSERT).await?;
            let search = client.prepare(SEARCH).await?;
            Ok::<_, tokio_postgres::Error>((client, insert, search))
        })?;
        Ok(Self {
            runtime,
            client,
            insert,
            search,
            users: users.to_vec(),
            vectors,
        })
    }

    fn vector(&self, text: &str) -> Result<&Vector, Error> {
        let vector = self.vectors.get(text);
        vector.ok_or_else(|| "a text that was not embedded beforehand".into())
    }
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        "bare SQL: a row with its vector"
    }

    fn record(&mut self, said: &Said<'_>) -> Result<Took, Error> {
        let text = said::told(said.turn);
        let vector = self.vector(&text)?;
        let user = self.users[said.user];
        let begun = Instant::now();
        self.runtime.block_on(
            self.client
                .execute(&self.insert, &[&user, &said.turn.id, &text, vector]),
        )?;
        Ok(since(begun))
    }

    fn search(&mut self, asked: &Asked<'_>) -> Result<(Took, Vec<String>), Error> {
        let vector = self.vector(&asked.question.text)?;
        let user = self.users[asked.user];
        let limit = i64::try_from(LIMIT)?;
        let begun = Instant::now();
        let rows = self
            .runtime
            .block_on(self.client.query(&self.search, &[&user, vector, &limit]))?;
        let took = since(begun);
        let ids = rows.iter().map(|row| row.try_get(0));
        Ok((took, ids.collect::<Result<_, _>>()?))
    }
}

fn since(begun: Instant) -> Took {
    Took {
        all: begun.elapsed().as_secs_f64() * 1e3,
        embedder: 0.0,
    }
}
