//! What leaves of what users say: to the embeddings provider, to Mem0, and what the audit keeps of it.

use black_box::{Client, Deployment, on_own_deployments, turn};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{embedded, pushed, with};

const ANA: &str = "ana.silva@example.com";
const JOAO: &str = "joao@example.com";
const PHONE: &str = "+351 912 345 678";

/// What a user's audit has of redactions: `class number count`, by turn, revision and number.
async fn noted(deployment: &Deployment, user: Uuid) -> Vec<String> {
    let rows = "
        select format('%s.%s %s %s %s', t.external_id, n.details ->> 'revision', n.details ->> 'class',
            n.details ->> 'number', n.details ->> 'count')
        from memories.audit as n
        left join memories.turns as t on t.user_id = n.user_id and t.id::text = n.details ->> 'turnId'
        where n.user_id = $1 and n.kind = 'redaction'
        order by 1";
    let rows = deployment.admin().await.query(rows, &[&user]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

/// The hashes of a user's values, by class and number.
async fn hashes(deployment: &Deployment, user: Uuid) -> Vec<String> {
    let hashes = "
        select distinct format('%s %s', n.details ->> 'class', n.details ->> 'number'), n.details ->> 'hash'
        from memories.audit as n
        where n.user_id = $1 and n.kind = 'redaction'
        order by 1";
    let rows = deployment.admin().await.query(hashes, &[&user]).await;
    rows.unwrap().iter().map(|row| row.get(1)).collect()
}

/// Which of a user's turns are marked.
async fn scrubbed(deployment: &Deployment, user: Uuid) -> Vec<String> {
    let turns =
        "select external_id from memories.turns where user_id = $1 and pii_scrubbed order by 1";
    let rows = deployment.admin().await.query(turns, &[&user]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn said(client: &Client<'_>, session: &str, id: &str, text: &str) {
    client.record(session, &[turn(id, text)]).await;
    client.synced(session).await;
}

async fn replaced(client: &Client<'_>, id: &str, text: &str) {
    let body = json!({ "sessionId": "s", "turns": [turn(id, text)], "onConflict": "replace" });
    client.post("/api/turns", body).await.is(200);
    client.synced("s").await;
}

#[test]
fn a_value_has_one_number_in_a_session_wherever_it_goes_and_the_audit_does_not_have_it() {
    on_own_deployments(with(&[]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        said(
            &client,
            "s",
            "1",
            &format!("Mail {ANA}, call {PHONE}, again {ANA}"),
        )
        .await;
        said(&client, "s", "2", "I like tea").await;
        said(
            &client,
            "s",
            "3",
            &format!("Not Ana.Silva@example.com, but {JOAO}!"),
        )
        .await;
        said(&client, "t", "4", &format!("Elsewhere {JOAO}")).await;
        let expected = [
            "Mail [EMAIL_1], call [PHONE_1], again [EMAIL_1]",
            "I like tea",
            "Not [EMAIL_1], but [EMAIL_2]!",
            "Elsewhere [EMAIL_1]",
        ];
        assert_eq!(embedded(deployment), expected);
        assert_eq!(pushed(deployment), expected);
        let audit = [
            "1.1 EMAIL_ADDRESS 1 2",
            "1.1 PHONE_NUMBER 1 1",
            "3.1 EMAIL_ADDRESS 1 1",
            "3.1 EMAIL_ADDRESS 2 1",
            "4.1 EMAIL_ADDRESS 1 1",
        ];
        assert_eq!(noted(deployment, user).await, audit);
        assert_eq!(scrubbed(deployment, user).await, ["1", "3", "4"]);
        let export = client.get("/api/memory/export").await;
        let lines = String::from_utf8(export.bytes.to_vec()).unwrap();
        let marked = lines.matches("\"piiScrubbed\" : true").count();
        assert_eq!(marked, 3, "{lines}");

        // The user's own words stay as they were said.
        let session = client.get("/api/sessions/t").await;
        assert_eq!(
            session.each("turns", "content"),
            [format!("Elsewhere {JOAO}")]
        );
        // Another one's hashes of the same values are others, and nowhere is a value.
        let other = Uuid::new_v4();
        said(
            &deployment.as_user(other),
            "s",
            "1",
            &format!("{ANA} {PHONE}"),
        )
        .await;
        let (ours, theirs) = (
            hashes(deployment, user).await,
            hashes(deployment, other).await,
        );
        assert_eq!((ours.len(), theirs.len()), (4, 2));
        assert!(
            theirs
                .iter()
                .all(|hash| hash.len() == 43 && !ours.contains(hash))
        );
        let values =
            "select count(*) from memories.audit where details::text ~ 'example|silva|912'";
        assert_eq!(deployment.count(values, &[]).await, 0);

        // What is done again is noted once.
        client
            .post("/api/sessions/backfill", json!({ "sessionId": "s" }))
            .await
            .is(202);
        client.synced("s").await;
        assert_eq!(noted(deployment, user).await, audit);
        let again = embedded(deployment);
        assert!(
            again
                .iter()
                .all(|text| text == "[EMAIL_1] [PHONE_1]" || expected.contains(&text.as_str()))
        );
    });
}

#[test]
fn jobs_that_run_at_once_give_no_number_twice() {
    on_own_deployments(with(&[]), async |deployment| {
        let client = deployment.as_somebody();
        let addresses = ["a", "b", "c", "d"].map(|name| format!("{name}@example.com"));
        let turns = (0..8).map(|n| {
            let (one, other) = (&addresses[n % 4], &addresses[(n + 1) % 4]);
            let client = &client;
            async move {
                let text = format!("{one} {other}");
                client.record("s", &[turn(&n.to_string(), &text)]).await;
            }
        });
        futures_util::future::join_all(turns).await;
        client.synced("s").await;
        let (mut embedded, mut pushed) = (embedded(deployment), pushed(deployment));
        for texts in [&mut embedded, &mut pushed] {
            texts.sort();
            texts.dedup();
        }
        assert_eq!(embedded, pushed);
        // Four pairs were said, and no two values share a number.
        assert_eq!(pushed.len(), 4, "{pushed:?}");
        let numbered = "select count(distinct (n.details ->> 'hash', n.details ->> 'number'))
            from memories.audit as n";
        assert_eq!(deployment.count(numbered, &[]).await, 4);
    });
}

#[test]
fn a_replaced_turn_is_noted_anew_and_an_erasure_takes_all_of_it() {
    on_own_deployments(with(&[]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        said(&client, "s", "1", &format!("Mail {ANA}")).await;
        said(&client, "t", "2", &format!("Mail {ANA}")).await;
        replaced(&client, "1", &format!("Mail {JOAO}, {JOAO}")).await;
        let mut audit = vec![
            "1.1 EMAIL_ADDRESS 1 1",
            "1.2 EMAIL_ADDRESS 2 2",
            "2.1 EMAIL_ADDRESS 1 1",
        ];
        assert_eq!(noted(deployment, user).await, audit);
        assert_eq!(scrubbed(deployment, user).await, ["1", "2"]);
        assert_eq!(
            pushed(deployment).last().unwrap(),
            "Mail [EMAIL_2], [EMAIL_2]"
        );
        replaced(&client, "1", "Do not mail").await;
        assert_eq!(noted(deployment, user).await, audit);
        assert_eq!(scrubbed(deployment, user).await, ["2"]);

        client.delete("/api/sessions/s").await.is(202);
        audit.drain(..2);
        assert_eq!(noted(deployment, user).await, audit);
        client.delete("/api/memory").await.is(202);
        assert_eq!(noted(deployment, user).await, Vec::<String>::new());
        let erasures = client.get("/api/memory").await;
        assert_eq!(
            erasures.each("erasures", "scope"),
            ["all", "session"],
            "{erasures:?}"
        );
    });
}

#[test]
fn a_query_leaves_redacted() {
    on_own_deployments(with(&[]), async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        said(&client, "s", "1", &format!("Write to {ANA} about the boat")).await;
        let query = format!("What was it with {ANA}?");
        let found = client
            .context(json!({ "query": query, "deadlineMs": 5000 }))
            .await;
        assert_eq!(found.body["degraded"], json!([]), "{found:?}");
        assert_eq!(
            embedded(deployment).last().unwrap(),
            "What was it with [EMAIL_1]?"
        );
        let asked = deployment.stack.mem0.as_ref().unwrap().received();
        assert!(
            asked
                .last()
                .unwrap()
                .contains("What was it with [EMAIL_1]?")
        );
        // Our own database is asked as it was said, and answers so. What Mem0 has is the same turn.
        let texts: Vec<Value> = found.each("items", "text");
        assert_eq!(
            texts,
            [format!("Write to {ANA} about the boat")],
            "{found:?}"
        );
    });
}
