//! Users made by SQL: pools of text and of directions, and turns that are put together of them.

use devstack::embedder::lexical;
use devstack::postgres::Database;
use indicatif::ProgressBar;
use pgvector::HalfVector;
use tokio_postgres::Client;
use uuid::Uuid;

use super::vectors::Directions;
use super::words::Words;
use crate::Error;

/// Half texts, and directions: two of each make a turn.
const POOL: i32 = 4096;

/// What people talk about; one user about eight of them.
const TOPICS: i32 = 64;

const POOLS: &str = "
create schema bench;
create table bench.texts (n integer primary key, text text not null);
create table bench.vectors (n integer primary key, v extensions.halfvec not null);
create table bench.topics (n integer primary key, v extensions.halfvec not null);";

/// One user's sessions of 100 turns each, a minute apart.
const USER: &str = "
with wanted (user_id, place, turns, pool, topics, model, dimensions) as (
    values ($1::uuid, $2::integer, $3::integer, $4::integer, $5::integer, $6::text, $7::smallint)
),
sessions as (
    insert into memories.sessions (user_id, id, last_seq)
    select w.user_id, md5(w.user_id::text || s)::uuid, least(100, w.turns - 100 * s)
    from wanted as w, generate_series(0, (w.turns - 1) / 100) as s
),
picked as materialized (
    select
        t,
        floor(random() * w.pool)::integer as one_text,
        floor(random() * w.pool)::integer as other_text,
        floor(random() * w.pool)::integer as one_vector,
        floor(random() * w.pool)::integer as other_vector,
        -- A session keeps to two topics.
        (w.place * 5 + (t / 100 % 4) * 2 + floor(random() * 2)::integer) % w.topics as topic
    from wanted as w, generate_series(0, w.turns - 1) as t
),
made as materialized (
    select
        p.t,
        gen_random_uuid() as id,
        a.text || ' ' || b.text as text,
        extensions.l2_normalize(
            topic.v operator(extensions.+) c.v operator(extensions.+) d.v
        ) as embedding
    from picked as p
    join bench.texts as a on a.n = p.one_text
    join bench.texts as b on b.n = p.other_text
    join bench.vectors as c on c.n = p.one_vector
    join bench.vectors as d on d.n = p.other_vector
    join bench.topics as topic on topic.n = p.topic
),
turns as (
    insert into memories.turns (
        user_id, id, session_id, seq, role, content, text, body_hash, created_at
    )
    select
        w.user_id, m.id, md5(w.user_id::text || (m.t / 100))::uuid, m.t % 100 + 1,
        (array['user', 'assistant'])[m.t % 2 + 1], to_jsonb(m.text), m.text,
        sha256(m.text::bytea), now() - (w.turns - m.t) * interval '1 minute'
    from wanted as w, made as m
)
insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
select w.user_id, m.id, w.model, 1, w.dimensions, m.embedding
from wanted as w, made as m";

/// A user's topic with two directions, as a turn of theirs has them.
const QUESTION: &str = "
select extensions.l2_normalize(
    topic.v operator(extensions.+) a.v operator(extensions.+) b.v
)
from bench.topics as topic, bench.vectors as a, bench.vectors as b
where topic.n = ($1::integer * 5 + $2::integer % 8) % $3::integer and a.n = $4 and b.n = $5";

/// The n-th user of a database.
pub(super) fn user(number: u32) -> Uuid {
    Uuid::from_u128(0x6d65_6d6f_7279_4000_8000_0000_0000_0000 + u128::from(number))
}

/// Makes the pools.
pub(super) async fn pools(admin: &Client) -> Result<(), Error> {
    admin.batch_execute(POOLS).await?;
    let mut words = Words::new(11);
    let insert = admin
        .prepare("insert into bench.texts values ($1, $2)")
        .await?;
    admin.batch_execute("begin").await?;
    for n in 0..POOL {
        admin.execute(&insert, &[&n, &words.between(6, 24)]).await?;
    }
    let mut directions = Directions::new(12);
    for (table, count, length) in [("vectors", POOL, 0.6), ("topics", TOPICS, 1.0)] {
        let insert = format!("insert into bench.{table} values ($1, $2)");
        let insert = admin.prepare(&insert).await?;
        for n in 0..count {
            admin
                .execute(&insert, &[&n, &directions.one(length)])
                .await?;
        }
    }
    Ok(admin.batch_execute("commit; analyze").await?)
}

/// Makes users with so many turns each, the first with this number.
pub(super) async fn users(
    admin: &Client,
    first: u32,
    turns: &[u32],
    bar: &ProgressBar,
) -> Result<(), Error> {
    let dimensions = i16::try_from(lexical::DIMENSIONS)?;
    for (number, turns) in (first..).zip(turns) {
        let (place, count) = (i32::try_from(number)?, i32::try_from(*turns)?);
        admin
            .execute(
                USER,
                &[
                    &user(number),
                    &place,
                    &count,
                    &POOL,
                    &TOPICS,
                    &lexical::NAME,
                    &dimensions,
                ],
            )
            .await?;
        bar.inc(u64::from(*turns));
    }
    Ok(())
}

/// As autovacuum leaves it: index-only scans need pages that are visible to all.
pub(super) async fn vacuum(database: &Database) -> Result<(), Error> {
    let admin = database.admin().await?;
    // A commit that is not flushed yet would not let a vacuum call its rows visible to all.
    admin
        .batch_execute("set synchronous_commit = on; create table bench.flushed ()")
        .await?;
    Ok(admin.batch_execute("vacuum analyze").await?)
}

/// The embedding of a question that the user might ask.
pub(super) async fn question(
    admin: &Client,
    number: u32,
    question: u32,
) -> Result<HalfVector, Error> {
    let place = i32::try_from(number)?;
    let asked = i32::try_from(question)?;
    let (one, other) = (asked * 37 % POOL, (asked * 101 + 7) % POOL);
    let row = admin
        .query_one(QUESTION, &[&place, &asked, &TOPICS, &one, &other])
        .await?;
    Ok(row.try_get(0)?)
}

/// Eight words of each of a user's turns, as many turns as asked for, from everywhere in time.
pub(super) async fn queries(admin: &Client, number: u32, count: i64) -> Result<Vec<String>, Error> {
    let rows = admin
        .query(
            "select array_to_string((string_to_array(text, ' '))[5:12], ' ')
            from memories.turns where user_id = $1 order by md5(id::text) limit $2",
            &[&user(number), &count],
        )
        .await?;
    let words = rows.iter().map(|row| row.try_get(0));
    Ok(words.collect::<Result<_, _>>()?)
}
