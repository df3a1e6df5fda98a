//! The dead letters: found, replayed, discarded.

use serde::{Deserialize, Serialize};
use tokio_postgres::Client;
use tokio_postgres::types::{Json, ToSql};
use uuid::Uuid;

use crate::Error;

/// Turns that one transaction replays or discards: ten jobs of one session at the most.
const AT_ONCE: usize = 1000;

/// Which dead letters.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Filter {
    /// Only of this adapter
    #[arg(long, value_parser = ["embed", "mem0"])]
    adapter: Option<String>,
    /// Only of this user
    #[arg(long)]
    user: Option<Uuid>,
    /// Only with this reason, as in `refused`
    #[arg(long)]
    reason: Option<String>,
}

/// A turn that an adapter was given up for; no text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(super) struct DeadLetter {
    pub(super) adapter: String,
    pub(super) reason: String,
    pub(super) attempts: i32,
    pub(super) turn_id: Uuid,
    pub(super) user_id: Uuid,
    pub(super) session_id: Uuid,
    pub(super) role: String,
    pub(super) revision: i32,
    pub(super) enqueued_at: String,
    pub(super) last_attempt_at: Option<String>,
    pub(super) died_at: String,
    /// How long ago that was.
    pub(super) died_seconds_ago: f64,
}

/// How many there are of an adapter with a reason.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sum {
    pub(super) adapter: String,
    pub(super) reason: String,
    pub(super) dead: i64,
}

/// The letters of a filter, and of some turns where any are named.
const CHOSEN: &str = "
from memories.dead_letters as d
where ($1::text is null or d.adapter = $1)
    and ($2::uuid is null or d.user_id = $2)
    and ($3::text is null or d.reason = $3)
    and (cardinality($4::uuid[]) = 0 or d.turn_id = any($4))";

/// The latest first.
pub(super) async fn list(
    client: &Client,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<DeadLetter>, Error> {
    let query = format!(
        "select to_jsonb(d) || jsonb_build_object(
            'died_seconds_ago', extract(epoch from now() - d.died_at)
        )
        {CHOSEN}
        order by d.died_at desc, d.turn_id
        limit $5"
    );
    let Filter {
        adapter,
        user,
        reason,
    } = filter;
    let every: &[Uuid] = &[];
    let rows = client
        .query(&query, &[adapter, user, reason, &every, &limit])
        .await?;
    rows.iter()
        .map(|row| Ok(row.try_get::<_, Json<DeadLetter>>(0)?.0))
        .collect()
}

/// How many there are, by adapter and reason, the most first.
pub(super) async fn sums(client: &Client, filter: &Filter) -> Result<Vec<Sum>, Error> {
    let query = format!(
        "select d.adapter, d.reason, count(*) {CHOSEN} group by 1, 2 order by 3 desc, 1, 2"
    );
    let Filter {
        adapter,
        user,
        reason,
    } = filter;
    let every: &[Uuid] = &[];
    let rows = client
        .query(&query, &[adapter, user, reason, &every])
        .await?;
    let sum = |row: &tokio_postgres::Row| {
        Ok(Sum {
            adapter: row.try_get(0)?,
            reason: row.try_get(1)?,
            dead: row.try_get(2)?,
        })
    };
    rows.iter().map(sum).collect()
}

/// What is done with dead letters.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Replay,
    Discard,
}

impl Fate {
    fn statement(self) -> &'static str {
        match self {
            Self::Replay => "select memories.replay_dead_letters($1, $2, $3)",
            Self::Discard => "select memories.discard_dead_letters($1, $2, $3)",
        }
    }
}

/// The letters that are meant, as `(adapter, user, turn)`; a session's stand together, so that they
/// become whole jobs. No `turns` are all of the filter.
pub(super) async fn chosen(
    client: &Client,
    filter: &Filter,
    turns: &[Uuid],
) -> Result<Vec<(String, Uuid, Uuid)>, Error> {
    let query = format!(
        "select d.adapter, d.user_id, d.turn_id {CHOSEN}
        order by d.adapter, d.user_id, d.session_id, d.turn_id"
    );
    let Filter {
        adapter,
        user,
        reason,
    } = filter;
    let parameters: [&(dyn ToSql + Sync); 4] = [adapter, user, reason, &turns];
    let rows = client.query(&query, &parameters).await?;
    let letter =
        |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
    rows.iter().map(letter).collect()
}

/// Replays or discards letters, a thousand at a time, and returns how many it were: one that
/// somebody else was quicker with is not counted.
pub(super) async fn decide(
    client: &Client,
    fate: Fate,
    letters: &[(String, Uuid, Uuid)],
    done: impl Fn(u64),
) -> Result<u64, Error> {
    let mut decided = 0;
    for of_adapter in letters.chunk_by(|a, b| a.0 == b.0) {
        for some in of_adapter.chunks(AT_ONCE) {
            let Some((adapter, _, _)) = some.first() else {
                continue;
            };
            let users: Vec<Uuid> = some.iter().map(|letter| letter.1).collect();
            let turns: Vec<Uuid> = some.iter().map(|letter| letter.2).collect();
            let row = client
                .query_one(fate.statement(), &[adapter, &users, &turns])
                .await?;
            decided += u64::from(row.try_get::<_, i32>(0)?.unsigned_abs());
            done(some.len().try_into()?);
        }
    }
    Ok(decided)
}
