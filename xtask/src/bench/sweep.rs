//! What one sweep costs the database when a million turns are done and a hundred are stuck.
//!
//! `memories.begin_sweep` runs in transactions that are rolled back, so that each takes all that is
//! stuck, and looks for orphans too, which it otherwise does every ten minutes. Its time is the server's
//! own (`explain analyze`), and so is the count of rows and index entries that it read: a plan that goes
//! through all that was ever said reads a million.

use devstack::postgres::{self, Database};
use devstack::stack::workspace;
use serde_json::Value;
use tokio_postgres::Client;

use super::progress;
use super::samples::Samples;
use super::table::{Cell, Report, Table};
use crate::Error;

/// Milliseconds that a sweep's beginning may take, at the median.
const BAR: f64 = 5.0;

/// Users with ten sessions of a hundred turns each, all done. Triggers are off, the foreign keys' with
/// them: they hold by construction.
const DONE: &str = "
set session_replication_role = replica;
insert into memories.sessions (user_id, id, last_seq)
select md5(format('user %s', s / 10))::uuid, md5(format('session %s', s))::uuid, 100
from generate_series(0, $done / 100 - 1) as s;
insert into memories.turns (user_id, id, session_id, seq, role, content, text, body_hash, created_at)
select
    md5(format('user %s', t / 1000))::uuid,
    md5(format('turn %s', t))::uuid,
    md5(format('session %s', t / 100))::uuid,
    t % 100 + 1, 'user', '\"tea\"', 'tea', sha256('tea'), now() - interval '1 day'
from generate_series(0, $done - 1) as t;
insert into memories.adapter_syncs (
    user_id, turn_id, session_id, adapter, state, attempts, enqueued_at, started_at, finished_at
)
select t.user_id, t.id, t.session_id, 'embed', 'done', 1, t.created_at, t.created_at, t.created_at
from memories.turns as t;";

/// The first turns of as many sessions are asked for again, in a job each, an hour ago.
const STUCK: &str = "
with stuck as (
    select t.user_id, t.session_id, t.id,
        memories.send_job('embed', t.user_id, t.session_id, array[t.id]) as job_id
    from generate_series(0, $stuck - 1) as n
    join memories.turns as t
        on t.user_id = md5(format('user %s', n / 10))::uuid
        and t.id = md5(format('turn %s', n * 100))::uuid
)
update memories.adapter_syncs as a
set state = 'pending', job_id = s.job_id, enqueued_at = now() - interval '1 hour', finished_at = null
from stuck as s
where a.user_id = s.user_id and a.turn_id = s.id and a.adapter = 'embed';
update pgmq.q_memory_embed set vt = now();";

/// What a queue looks like from within when as many jobs went through it and nothing was vacuumed. They
/// came before those that are stuck, whose ids are greater.
const WORN: &str = "
alter table pgmq.q_memory_embed set (autovacuum_enabled = off);
insert into pgmq.q_memory_embed (vt, message)
select now() - interval '1 day', jsonb_build_object('version', 1, 'turnIds', array[gen_random_uuid()])
from generate_series(1, $done);
delete from pgmq.q_memory_embed;";

const QUEUE: &str = "pgmq.q_memory_embed";

const TABLES: [&str; 4] = [
    "memories.sessions",
    "memories.turns",
    "memories.adapter_syncs",
    QUEUE,
];

/// Rows and index entries that this transaction has read of any table of ours.
const READ: &str = "
select sum(pg_stat_get_xact_tuples_returned(c.oid))::bigint
from pg_catalog.pg_class as c
where c.relnamespace in ('memories'::regnamespace, 'pgmq'::regnamespace) and c.relkind in ('r', 'i')";

/// The most of them for each job that is stuck.
const READS: i64 = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Turns that are done
    #[arg(long, default_value_t = 1_000_000)]
    done: u32,
    /// Jobs that are stuck
    #[arg(long, default_value_t = 100)]
    stuck: u32,
    /// Sweeps that are measured
    #[arg(long, default_value_t = 60)]
    runs: usize,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    if arguments.stuck > arguments.done / 100 {
        return Err("one turn in a hundred can be stuck, no more".into());
    }
    let server = postgres::shared().await?;
    let database = server
        .fresh_database(&workspace().join("migrations"))
        .await?;
    let report = measure(&database, arguments).await;
    database.drop().await?;
    report
}

async fn measure(database: &Database, arguments: &Arguments) -> Result<Report, Error> {
    let admin = database.admin().await?;
    let bar = progress(3 + 3 * arguments.runs, "sweeping")?;
    let mut table = Table::new(
        format!(
            "memories.begin_sweep, {} turns done, {} jobs stuck",
            arguments.done, arguments.stuck
        ),
        [
            "queue",
            "p50",
            "p95",
            "bar",
            "kept",
            "rows read",
            "by index",
        ],
    );
    let fill = |sql: &str| {
        sql.replace("$done", &arguments.done.to_string())
            .replace("$stuck", &arguments.stuck.to_string())
    };
    admin.batch_execute(&fill(DONE)).await?;
    bar.inc(1);
    for (queue, prepare, judged) in [
        ("new", fill(STUCK), true),
        // An autovacuum comes by within the minute, so this is only what it saves.
        (
            "worn: as many jobs deleted",
            fill(WORN) + &fill(STUCK),
            false,
        ),
        ("worn, vacuumed", String::new(), true),
    ] {
        admin.batch_execute(&prepare).await?;
        for table in &TABLES {
            // Of a worn queue only the planner's picture is renewed.
            let vacuum = judged || *table != QUEUE;
            let care = if vacuum { "vacuum analyze" } else { "analyze" };
            admin.batch_execute(&format!("{care} {table}")).await?;
        }
        bar.inc(1);
        let mut samples = Samples::default();
        let mut read = 0;
        for _ in 0..arguments.runs {
            let (milliseconds, rows) = sweep(&admin, arguments.stuck).await?;
            samples.push(milliseconds);
            read = rows;
            bar.inc(1);
        }
        let median = samples.median();
        let (limit, kept) = if judged {
            (Cell::Milliseconds(BAR), Cell::Kept(median < BAR))
        } else {
            (Cell::Empty, Cell::Empty)
        };
        table.row([
            queue.into(),
            Cell::Milliseconds(median),
            Cell::Milliseconds(samples.percentile(95)),
            limit,
            kept,
            Cell::Count(read),
            Cell::Kept(read <= READS * i64::from(arguments.stuck)),
        ]);
    }
    bar.finish_and_clear();
    Ok(Report {
        tables: vec![table],
        notes: vec![format!(
            "{} sweeps each, every one with the search for orphans; the server's own time.",
            arguments.runs
        )],
    })
}

/// One sweep, taken back: its milliseconds, and the rows that it read.
async fn sweep(admin: &Client, stuck: u32) -> Result<(f64, i64), Error> {
    // What the session did before is counted with the transaction unless it was reported.
    admin
        .batch_execute("select pg_stat_force_next_flush()")
        .await?;
    admin.batch_execute("begin").await?;
    let query = format!("select memories.begin_sweep(array['embed', 'mem0'], {stuck}, 60)");
    let explained: Value = admin
        .query_one(&format!("explain (analyze, format json) {query}"), &[])
        .await?
        .try_get(0)?;
    let read: i64 = admin.query_one(READ, &[]).await?.try_get(0)?;
    let taken = "select count(*) from pgmq.q_memory_embed where read_ct > 0";
    let taken: i64 = admin.query_one(taken, &[]).await?.try_get(0)?;
    admin.batch_execute("rollback").await?;
    if taken != i64::from(stuck) {
        return Err(format!("a sweep took {taken} jobs instead of {stuck}").into());
    }
    let milliseconds = explained[0]["Execution Time"].as_f64();
    Ok((milliseconds.ok_or("explain told no time")?, read))
}
