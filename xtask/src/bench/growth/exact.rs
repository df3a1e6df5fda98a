//! Whether the vector search finds what an exact scan finds, and what it costs beside that scan.

use std::time::Instant;

use devstack::embedder::lexical;
use devstack::postgres::Database;
use pgvector::HalfVector;
use serde_json::json;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::super::samples::Samples;
use super::fill;
use crate::Error;

/// Nearest turns that are compared.
pub(super) const DEPTH: usize = 10;

/// As the service asks, as the user.
const SEARCH: &str = "select turn_id from memories.match_embedding($1, $2, null, $3)";

/// The truth, as the owner: the user's rows, all of them, and no index of vectors.
const EXACT: &str = "
select turn_id
from memories.turn_embeddings
where user_id = $1 and model = $2 and dimensions <= 1024
order by (embedding operator(extensions.<#>) $3) + 0
limit $4";

/// What came of some users' questions.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) questions: usize,
    /// Of what the scan found.
    pub(super) found: usize,
    pub(super) wanted: usize,
    /// Searches that brought fewer hits than were asked for.
    pub(super) short: usize,
    pub(super) search: Samples,
    pub(super) scan: Samples,
}

impl Compared {
    /// From 0 to 1.
    pub(super) fn recall(&self) -> f64 {
        self.found as f64 / self.wanted.max(1) as f64
    }
}

/// Asks each of the users so many questions, by the search and by the scan in turns.
pub(super) async fn compare(
    database: &Database,
    users: impl IntoIterator<Item = u32>,
    questions: u32,
) -> Result<Compared, Error> {
    let owner = database.admin().await?;
    let asking = database.admin().await?;
    let mut compared = Compared::default();
    for number in users {
        let user = fill::user(number);
        let claims = json!({ "sub": user, "role": "authenticated" });
        let become_user =
            format!("reset role; set request.jwt.claims = '{claims}'; set role authenticated");
        asking.batch_execute(&become_user).await?;
        let depth = (i32::try_from(DEPTH)?, i64::try_from(DEPTH)?);
        for question in 0..questions {
            let vector: HalfVector = fill::question(&owner, number, question).await?;
            // The first of either is the one that finds the user's pages.
            for warm in [false, true] {
                let (scan, truth) =
                    timed(&owner, EXACT, &[&user, &lexical::NAME, &vector, &depth.1]).await?;
                let (search, hits) =
                    timed(&asking, SEARCH, &[&lexical::NAME, &vector, &depth.0]).await?;
                if warm {
                    compared.search.push(search);
                    compared.scan.push(scan);
                    compared.questions += 1;
                    compared.wanted += truth.len();
                    compared.found += hits.iter().filter(|hit| truth.contains(hit)).count();
                    compared.short += usize::from(hits.len() < DEPTH);
                }
            }
        }
    }
    Ok(compared)
}

async fn timed(
    client: &Client,
    statement: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<(f64, Vec<Uuid>), Error> {
    let prepared = client.prepare(statement).await?;
    let begun = Instant::now();
    let rows: Vec<Row> = client.query(&prepared, parameters).await?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    let ids = rows.iter().map(|row| row.try_get(0));
    Ok((took, ids.collect::<Result<_, _>>()?))
}

/// Gives large users the indexes that the sweeper would give them.
pub(super) async fn index(database: &Database) -> Result<usize, Error> {
    let admin = database.admin().await?;
    admin
        .execute("select memories.survey_large_users(20000)", &[])
        .await?;
    let wanted = "select command from memories.large_user_indexes() where command is not null";
    let commands = admin.query(wanted, &[]).await?;
    for command in &commands {
        admin.batch_execute(command.try_get(0)?).await?;
    }
    Ok(commands.len())
}
