//! What recording costs: it reads what it is sent, however much the user has said before.

use black_box::run;
use tokio_postgres::Client;
use uuid::Uuid;

/// Records so many new turns in the running transaction, as the functions do.
fn recording(user: Uuid, turns: u32) -> String {
    format!(
        "set local role authenticated; set local request.jwt.claims = '{{\"sub\":\"{user}\"}}';
        select memories.record_turns('{user}', 's', null, (
            select jsonb_agg(jsonb_build_object(
                'id', gen_random_uuid(), 'role', 'user', 'content', 'tea', 'text', 'tea',
                'bodyHash', repeat('00', 32)
            ))
            from generate_series(1, {turns})
        ), false, '{{\"embed\": [\"user\"], \"mem0\": [\"assistant\"]}}')"
    )
}

/// Rows of turns, and of what adapters have done with them, that this connection has read and not yet reported; it
/// reports between transactions.
async fn read(client: &Client) -> i64 {
    let read = "select (
        select sum(t.seq_tup_read + t.idx_tup_fetch) from pg_stat_xact_user_tables as t
        where t.relid in ('memories.turns'::regclass, 'memories.adapter_syncs'::regclass)
    )::bigint";
    client.batch_execute("reset role").await.unwrap();
    client.query_one(read, &[]).await.unwrap().get(0)
}

#[test]
fn recording_reads_as_much_of_a_long_memory_as_of_a_short_one() {
    run(async {
        let server = devstack::postgres::shared().await.unwrap();
        let migrations = devstack::workspace().join("migrations");
        let database = server.fresh_database(&migrations).await.unwrap();
        let client = database.admin().await.unwrap();
        let user = Uuid::new_v4();
        for _ in 0..20 {
            let full = format!("begin; {}; commit", recording(user, 100));
            client.batch_execute(&full).await.unwrap();
        }
        client
            .batch_execute("analyze memories.turns, memories.adapter_syncs")
            .await
            .unwrap();
        for (turns, most) in [(1, 20), (10, 200)] {
            // Often enough for plans that are kept.
            for _ in 0..8 {
                client.batch_execute("begin").await.unwrap();
                let before = read(&client).await;
                client.batch_execute(&recording(user, turns)).await.unwrap();
                let rows = read(&client).await - before;
                assert!(rows <= most, "{rows} rows for {turns} turns");
                client.batch_execute("commit").await.unwrap();
            }
        }
    });
}
