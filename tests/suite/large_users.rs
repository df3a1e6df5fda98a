//! Very large users: an index of their own, built and dropped without anybody noticing.

use black_box::{run, until};
use devstack::postgres::{self, Database};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// What counts as large here; a build of that size takes a fraction of a second.
pub(crate) const THRESHOLD: i32 = 1000;

/// Makes a user of some turns in sessions of 100, each turn with a vector of 64 dimensions near one of
/// twelve topics.
const FILL: &str = "
    with sessions as (
        insert into memories.sessions (user_id, id, last_seq)
        select $1, gen_random_uuid(), least(100, $2 - 100 * (s - 1))
        from generate_series(1, ($2 + 99) / 100) as s
        returning id, last_seq
    ),
    turns as (
        insert into memories.turns (user_id, id, session_id, seq, role, content, text, body_hash, created_at)
        select $1, gen_random_uuid(), s.id, seq, 'user', '\"x\"', 'x', sha256('x'), now()
        from sessions as s
        cross join lateral generate_series(1, s.last_seq) as seq
        returning id, seq
    )
    insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
    select $1, t.id, 'm', 1, 64, extensions.l2_normalize(v.v)
    from turns as t
    cross join lateral (
        select array_agg(sin(d * (1 + t.seq % 12)) + 1.5 * random())::real[]::extensions.halfvec as v
        from generate_series(1, 64) as d
        where t.id is not null
    ) as v";

/// The nearest to each of twelve questions, one line per hit.
const ASK: &str = "
    select q || ':' || m.turn_id
    from generate_series(0, 11) as q
    cross join lateral (
        select extensions.l2_normalize(array_agg(sin(d * (1 + q)) + 0.75)::real[]::extensions.halfvec) as v
        from generate_series(1, 64) as d
        where q is not null
    ) as v
    cross join lateral memories.match_embedding('m', v.v, null, $1) as m";

/// A migrated database of its own, without pg_cron.
async fn database() -> Database {
    let server = postgres::shared().await.unwrap();
    let migrations = devstack::workspace().join("migrations");
    server.fresh_database(&migrations).await.unwrap()
}

/// A new user of so many turns.
pub(crate) async fn fill(admin: &Client, turns: i32) -> Uuid {
    let user = Uuid::new_v4();
    admin.execute(FILL, &[&user, &turns]).await.unwrap();
    user
}

/// The ten nearest that the user finds, asked as a request of theirs would.
async fn found(database: &Database, user: Uuid) -> Vec<String> {
    nearest(database, user, 10).await
}

async fn nearest(database: &Database, user: Uuid, limit: i32) -> Vec<String> {
    let admin = database.admin().await.unwrap();
    let claims = json!({ "sub": user, "role": "authenticated" });
    admin
        .batch_execute(&format!(
            "set role authenticated; set request.jwt.claims = '{claims}'"
        ))
        .await
        .unwrap();
    let rows = admin.query(ASK, &[&limit]).await.unwrap();
    // What the scan was is counted when the session ends, or now.
    admin
        .batch_execute("reset role; select pg_stat_force_next_flush()")
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// How often the indexes of large users have been searched.
async fn searches(admin: &Client) -> i64 {
    let row = admin
        .query_one(
            "select coalesce(sum(idx_scan), 0)::bigint from pg_stat_user_indexes
             where indexrelname like 'turn_embeddings_large_%'",
            &[],
        )
        .await
        .unwrap();
    row.get(0)
}

/// What the sweeper gets, as if an hour had passed.
async fn tend(admin: &Client) -> Value {
    admin
        .batch_execute("update memories.upkeep set surveyed_at = null")
        .await
        .unwrap();
    let row = admin
        .query_one("select memories.tend_large_users($1)", &[&THRESHOLD])
        .await
        .unwrap();
    row.get(0)
}

/// Does what is to be done, as `cargo xtask indexes` does; answers the states that were met.
async fn work(admin: &Client) -> Vec<String> {
    let query = "select state, command from memories.large_user_indexes()";
    let rows = admin.query(query, &[]).await.unwrap();
    for command in rows.iter().filter_map(|row| row.get::<_, Option<&str>>(1)) {
        admin.batch_execute(command).await.unwrap();
    }
    rows.iter().map(|row| row.get(0)).collect()
}

fn length(report: &Value, field: &str) -> usize {
    report[field].as_array().unwrap().len()
}

#[test]
fn a_large_user_is_searched_by_an_index_of_their_own_and_nobody_else_is() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        let large = fill(&admin, 2000).await;
        let small = fill(&admin, 300).await;
        let exact = found(&database, large).await;
        let small_exact = found(&database, small).await;
        assert_eq!((exact.len(), small_exact.len()), (120, 120));

        let report = tend(&admin).await;
        let wanted = json!([{ "userId": large, "model": "m", "vectors": 2000 }]);
        assert_eq!(report["wanted"], wanted, "{report}");
        assert_eq!(length(&report, "toBuild"), 1);
        // Without pg_cron it is only said.
        assert_eq!(length(&tend(&admin).await, "toBuild"), 1);
        assert_eq!(work(&admin).await, ["build"]);
        assert_eq!(length(&tend(&admin).await, "built"), 1);

        assert_eq!(searches(&admin).await, 0);
        let by_index = found(&database, large).await;
        assert_eq!(searches(&admin).await, 12);
        let hits = by_index.iter().filter(|hit| exact.contains(hit)).count();
        assert!(hits >= 114, "recall of {hits} in 120");
        // So many that the planner, who takes the user for a small one, would rather read and sort all.
        let analyze = "vacuum analyze memories.turn_embeddings";
        admin.batch_execute(analyze).await.unwrap();
        assert_eq!(nearest(&database, large, 400).await.len(), 12 * 400);
        assert_eq!(searches(&admin).await, 24);

        assert_eq!(found(&database, small).await, small_exact);
        assert_eq!(searches(&admin).await, 24);
    });
}

/// What is found by the functions, and what should be: of one session, and of more turns than all have a cosine for.
const WAYS: &str = "
    with question as (
        select
            extensions.l2_normalize(array_agg(sin(d * 4) + 0.75)::real[]::extensions.halfvec) as v,
            (select s.id from memories.sessions as s order by s.id limit 1) as session
        from generate_series(1, 64) as d
    )
    select
        array(select m.turn_id from memories.match_embedding('m', q.v, q.session, 10) as m),
        array(
            select e.turn_id
            from memories.turn_embeddings as e
            join memories.turns as t on t.user_id = e.user_id and t.id = e.turn_id
            where t.session_id = q.session
            order by e.embedding operator(extensions.<#>) q.v
            limit 10
        ),
        (select count(*) from memories.match_embedding('m', q.v, q.session, null)),
        array(
            select f.source
            from memories.fetch_context(
                case when in_session then q.session end, in_session, 0, 'x', 'm', q.v, 20, false, '[]', 'UTC', false
            ) as f
            where f.source <> 'neighbor'
        )
    from question as q
    cross join unnest(array[true, false]) as in_session";

#[test]
fn a_session_and_more_than_a_thousand_turns_are_searched_as_well_as_a_few() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        let user = fill(&admin, 1500).await;
        let claims = json!({ "sub": user, "role": "authenticated" });
        admin
            .batch_execute(&format!(
                "set role authenticated; set request.jwt.claims = '{claims}'"
            ))
            .await
            .unwrap();
        for row in admin.query(WAYS, &[]).await.unwrap() {
            let (found, exact): (Vec<Uuid>, Vec<Uuid>) = (row.get(0), row.get(1));
            assert_eq!(found.len(), 10);
            assert_eq!(found, exact);
            assert_eq!(row.get::<_, i64>(2), 100);
            assert_eq!(row.get::<_, Vec<String>>(3), ["relevant"; 20]);
        }
    });
}

#[test]
fn row_level_security_holds_whoever_is_asked_for() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        let large = fill(&admin, THRESHOLD).await;
        tend(&admin).await;
        work(&admin).await;
        let claims = json!({ "sub": Uuid::new_v4(), "role": "authenticated" });
        let ask = format!(
            "select * from memories.match_large(
                 '{large}', 'm', array_fill(0.125::real, array[64])::extensions.halfvec, 10
             )"
        );
        let owner = json!({ "sub": large, "role": "authenticated" });
        for (claims, hits) in [(claims, 0), (owner, 10)] {
            admin
                .batch_execute(&format!(
                    "set role authenticated; set request.jwt.claims = '{claims}'"
                ))
                .await
                .unwrap();
            assert_eq!(admin.query(&ask, &[]).await.unwrap().len(), hits);
            admin.batch_execute("reset role").await.unwrap();
        }
    });
}

#[test]
fn an_index_goes_below_half_the_threshold_and_with_its_user() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        let shrinking = fill(&admin, THRESHOLD).await;
        let leaving = fill(&admin, THRESHOLD).await;
        tend(&admin).await;
        assert_eq!(work(&admin).await, ["build", "build"]);

        let forget = "delete from memories.sessions
                      where (user_id, id) in (
                          select user_id, id from memories.sessions where user_id = $1 limit $2
                      )";
        admin.execute(forget, &[&shrinking, &4_i64]).await.unwrap();
        let report = tend(&admin).await;
        assert_eq!(length(&report, "built"), 2, "{report}");

        admin.execute(forget, &[&shrinking, &2_i64]).await.unwrap();
        admin.execute(forget, &[&leaving, &100_i64]).await.unwrap();
        let report = tend(&admin).await;
        assert_eq!(length(&report, "toDrop"), 2, "{report}");
        assert_eq!(length(&report, "wanted"), 0, "{report}");
        assert_eq!(work(&admin).await, ["drop", "drop"]);
        assert_eq!(work(&admin).await, Vec::<String>::new());
        assert_eq!(found(&database, shrinking).await.len(), 120);
        assert_eq!(found(&database, leaving).await.len(), 0);
    });
}

#[test]
fn what_a_failed_build_left_is_not_searched_and_is_dropped_first() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        let large = fill(&admin, THRESHOLD).await;
        tend(&admin).await;
        work(&admin).await;
        admin
            .batch_execute(
                "update pg_index set indisvalid = false
                 from pg_class as c
                 where c.oid = indexrelid and c.relname like 'turn_embeddings_large_%'",
            )
            .await
            .unwrap();
        assert_eq!(found(&database, large).await.len(), 120);
        assert_eq!(searches(&admin).await, 0);
        assert_eq!(work(&admin).await, ["drop"]);
        assert_eq!(work(&admin).await, ["build"]);
        assert_eq!(work(&admin).await, ["built"]);
    });
}

#[test]
fn the_sweeper_surveys_once_an_hour_and_hears_of_an_overdue_vacuum() {
    run(async {
        let database = database().await;
        let admin = database.admin().await.unwrap();
        admin
            // A commit that is not flushed yet would not let a vacuum call its rows visible to all.
            .batch_execute(
                "alter table memories.turns set (autovacuum_enabled = off);
                 set synchronous_commit = on",
            )
            .await
            .unwrap();
        let user = fill(&admin, 100).await;
        admin
            .execute(
                "insert into memories.turns (user_id, id, session_id, seq, role, content, text, body_hash, created_at)
                 select user_id, gen_random_uuid(), id, 100 + s, 'user', '\"x\"', 'x', sha256('x'), now()
                 from memories.sessions, generate_series(1, 10001) as s
                 where user_id = $1",
                &[&user],
            )
            .await
            .unwrap();
        admin
            .batch_execute("select pg_stat_force_next_flush()")
            .await
            .unwrap();

        let as_sweeper = "set role memory_sweeper";
        admin.batch_execute(as_sweeper).await.unwrap();
        let surveys = "select memories.tend_large_users()";
        let report: Value = admin.query_one(surveys, &[]).await.unwrap().get(0);
        assert_eq!(report["vacuum"][0]["table"], "turns", "{report}");
        assert_eq!(report["vacuum"][0]["insertedSinceVacuum"], 10_101);
        let again: Option<Value> = admin.query_one(surveys, &[]).await.unwrap().get(0);
        assert_eq!(again, None);
        admin.batch_execute("reset role").await.unwrap();

        // Somebody's snapshot, an automatic analyze's for one, can keep rows from being visible to all.
        until(async || {
            admin.batch_execute("vacuum memories.turns").await.unwrap();
            tend(&admin).await["vacuum"] == json!([])
        })
        .await;
    });
}
