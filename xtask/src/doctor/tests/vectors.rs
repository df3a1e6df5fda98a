//! Vectors that are stored under a model, and are not as it makes them.

use super::{Bench, Level, of};

#[tokio::test]
async fn vectors_of_another_length_are_seen_by_an_administrator() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let lines = bench.lines_for(&[], Some(bench.administrator())).await;
    let said = "vectors     those of lexical-384 have one length";
    assert!(of(Level::Ok, &lines).contains(&said), "{lines:#?}");
    // Without its turn, which is not looked at.
    let row = "
        set session_replication_role = replica;
        insert into memories.turn_embeddings (user_id, turn_id, model, revision, dimensions, embedding)
        values (gen_random_uuid(), gen_random_uuid(), 'lexical-384', 1, 2, '[1, 0]')";
    let client = bench.database.admin().await.unwrap();
    client.batch_execute(row).await.unwrap();
    let lines = bench.lines_for(&[], Some(bench.administrator())).await;
    let said = "vectors     some of lexical-384 have 2 dimensions, not 384";
    let failed = of(Level::Fail, &lines);
    assert!(
        failed.iter().any(|line| line.starts_with(said)),
        "{lines:#?}"
    );
}
