//! The same request again: at once, later, changed, or for another session.

use black_box::{marked, on_both_hosts, on_own_deployments, turn};
use futures_util::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

const TURNS: &str = "select count(*) from memories.turns where user_id = $1";
const JOBS: &str = "select count(*) from pgmq.q_memory_embed where message ->> 'userId' = $1::text";

fn body(turns: &[Value], policy: &str) -> Value {
    json!({ "sessionId": "s", "turns": turns, "onConflict": policy })
}

#[test]
fn one_request_sent_fifty_times_at_once_is_written_once() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let sent = body(&[turn("1", "x"), turn("2", "y"), turn("3", "")], "reject");
        let replies = join_all((0..50).map(|_| client.post("/api/turns", sent.clone()))).await;
        let of_status = |status| {
            replies
                .iter()
                .filter(|reply| reply.status == status)
                .count()
        };
        assert_eq!((of_status(201), of_status(200)), (1, 49), "{replies:?}");
        for reply in &replies {
            assert_eq!(reply.each("turns", "seq"), [1, 2, 3], "{reply:?}");
            assert_eq!(
                reply.each("turns", "turnId"),
                replies[0].each("turns", "turnId")
            );
            let created = json!(reply.status == 201);
            assert_eq!(
                reply.each("turns", "created"),
                [created.clone(), created.clone(), created]
            );
        }
        assert_eq!(deployment.count(TURNS, &[&user]).await, 3);
        client.synced("s").await;
        assert_eq!(deployment.count(JOBS, &[&user.to_string()]).await, 0);
    });
}

#[test]
fn a_turn_alone_sent_fifty_times_at_once_leaves_no_gap_and_no_trace() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let sent = body(&[turn("1", "x")], "reject");
        let replies = join_all((0..50).map(|_| client.post("/api/turns", sent.clone()))).await;
        let created = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(created, 1, "{replies:?}");
        for reply in &replies {
            assert_eq!(reply.each("turns", "seq"), [1], "{reply:?}");
            assert_eq!(reply.each("turns", "revision"), [1], "{reply:?}");
        }
        let session = async || client.get("/api/sessions/s").await.body["session"].clone();
        client.synced("s").await;
        let before = session().await;
        let mut titled = sent;
        titled["title"] = json!("a repeat gives no title");
        client.post("/api/turns", titled).await.is(200);
        assert_eq!(session().await, before);

        // Known and new in turns: what is new is numbered in the order sent.
        let mixed = [
            turn("3", "y"),
            turn("1", "x"),
            turn("2", "y"),
            turn("4", ""),
        ];
        let reply = client.post("/api/turns", body(&mixed, "reject")).await;
        reply.is(201);
        assert_eq!(reply.each("turns", "seq"), [2, 1, 3, 4], "{reply:?}");
        assert_eq!(
            reply.each("turns", "created"),
            [true, false, true, true].map(Value::from)
        );
        let states = "select count(*) from memories.adapter_syncs
            where user_id = $1 and adapter = 'embed' and (state = 'skipped') = (finished_at is not null and attempts = 0)";
        client.synced("s").await;
        assert_eq!(deployment.count(states, &[&user]).await, 4);
        assert_eq!(deployment.count(JOBS, &[&user.to_string()]).await, 0);
    });
}

#[test]
fn one_replacement_sent_many_times_at_once_is_one_revision() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        client.record("s", &[turn("1", "x"), turn("2", "y")]).await;
        let change = body(&[turn("2", "edited"), turn("3", "new")], "replace");
        let replies = join_all((0..20).map(|_| client.post("/api/turns", change.clone()))).await;
        let created = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(created, 1, "{replies:?}");
        for reply in &replies {
            assert_eq!(reply.each("turns", "revision"), [2, 1], "{reply:?}");
            assert_eq!(reply.each("turns", "seq"), [2, 3], "{reply:?}");
        }
    });
}

#[test]
fn turns_sent_at_once_to_many_sessions_belong_to_the_first_and_wait_for_nobody() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let ids = [(); 2].map(|()| Uuid::new_v4().to_string());
        let send = |number: usize| {
            // In either order, so that two of them may wait for each other.
            let mut turns = [turn(&ids[0], "x"), turn(&ids[1], "y")];
            turns.rotate_left(number % 2);
            let body = json!({ "sessionId": format!("s{number}"), "turns": turns });
            client.post("/api/turns", body)
        };
        let replies = join_all((0..16).map(send)).await;
        let created = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(created, 1, "{replies:?}");
        for reply in replies.iter().filter(|reply| reply.status != 201) {
            reply.is_problem(409, "turn_conflict");
            assert_eq!(reply.pointers(), ["/turns/0", "/turns/1"], "{reply:?}");
        }
        assert_eq!(deployment.count(TURNS, &[&user]).await, 2);
        let sessions = client.get("/api/sessions").await;
        assert_eq!(
            sessions.body["sessions"].as_array().unwrap().len(),
            1,
            "{sessions:?}"
        );
    });
}

#[test]
fn turns_sent_at_once_to_one_session_are_numbered_without_gap_or_double() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let send = |number: u32| {
            client.post(
                "/api/turns",
                body(&[turn(&number.to_string(), "x")], "reject"),
            )
        };
        let replies = join_all((0..20).map(send)).await;
        let mut seqs: Vec<_> = replies
            .iter()
            .map(|reply| reply.each("turns", "seq")[0].as_u64().unwrap())
            .collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
        assert!(
            replies.iter().all(|reply| reply.status == 201),
            "{replies:?}"
        );
    });
}

#[test]
fn a_changed_body_is_a_conflict_and_nothing_of_the_request_is_written() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "x"), turn("2", "y")]).await;
        let mixed = [
            turn("new", "z"),
            turn("1", "x"),
            turn("2", "changed"),
            turn("newer", "z"),
        ];
        let reply = client.post("/api/turns", body(&mixed, "reject")).await;
        reply.is_problem(409, "turn_conflict");
        assert_eq!(reply.pointers(), ["/turns/2"], "{reply:?}");
        assert_eq!(deployment.count(TURNS, &[&user]).await, 2);
        let session = client.get("/api/sessions/s").await;
        assert_eq!(session.body["session"]["turnCount"], 2);

        // Known and new together are no conflict, and what is new follows.
        let more = [turn("2", "y"), turn("3", "z")];
        let reply = client.post("/api/turns", body(&more, "reject")).await;
        reply.is(201);
        assert_eq!(reply.each("turns", "seq"), [2, 3]);
        assert_eq!(reply.each("turns", "created"), [json!(false), json!(true)]);
    });
}

#[test]
fn the_order_of_members_does_not_make_another_body() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let send = |metadata| {
            let body = format!(
                r#"{{"sessionId":"s","turns":[{{"id":"1","role":"user","content":"x","metadata":{metadata}}}]}}"#
            );
            client.post_bytes("/api/turns", body)
        };
        send(r#"{"a":1,"b":{"c":2,"d":3}}"#).await.is(201);
        send(r#"{"b": {"d":3, "c":2}, "a": 1}"#).await.is(200);
        send(r#"{"a":1,"b":{"c":2,"d":4}}"#)
            .await
            .is_problem(409, "turn_conflict");
    });
}

#[test]
fn a_replaced_turn_is_a_new_revision_and_everything_follows() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let (old, new) = (marked("old"), marked("new"));
        client.record("s", &[turn("1", &old), turn("2", "y")]).await;
        client.synced("s").await;

        let change = body(&[turn("1", &new)], "replace");
        let reply = client.post("/api/turns", change.clone()).await;
        reply.is(200);
        assert_eq!(reply.each("turns", "revision"), [2], "{reply:?}");
        assert_eq!(reply.each("turns", "created"), [false]);
        client.synced("s").await;

        let again = client.post("/api/turns", change).await;
        again.is(200);
        assert_eq!(again.each("turns", "revision"), [2], "{again:?}");
        assert_eq!(again.body["adapters"]["upstash"]["status"], "skipped");

        let read = client.get("/api/sessions/s").await;
        assert_eq!(read.each("turns", "content"), [json!(new), json!("y")]);
        assert_eq!(read.each("turns", "seq"), [1, 2]);
        let ask = |word: &str| {
            client.context(
                json!({ "query": word, "include": ["relevant"], "limit": 1, "deadlineMs": 5000 }),
            )
        };
        assert_eq!(ask(&new).await.body["items"][0]["text"], json!(new));
        let prompt = ask(&old).await.body["prompt"].to_string();
        assert!(!prompt.contains(&old), "{prompt}");
        let revisions = "select count(*) from memories.turn_embeddings as e
            join memories.turns as t on t.user_id = e.user_id and t.id = e.turn_id
            where e.user_id = $1 and e.revision = t.revision";
        assert_eq!(deployment.count(revisions, &[&user]).await, 2);
    });
}

#[test]
fn an_embedding_of_a_replaced_text_is_never_kept() {
    on_both_hosts(async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "first")]).await;
        for number in 0..10 {
            let change = body(&[turn("1", &format!("edit {number}"))], "replace");
            client.post("/api/turns", change).await.is(200);
        }
        client.synced("s").await;
        let latest =
            "select count(*) from memories.turn_embeddings where user_id = $1 and revision = 11";
        assert_eq!(deployment.count(latest, &[&user]).await, 1);
    });
}

#[test]
fn a_uuid_known_in_another_session_is_a_conflict_even_to_be_replaced() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let id = Uuid::new_v4().to_string();
        client.record("s", &[turn(&id, "x")]).await;
        for policy in ["reject", "replace"] {
            let mut other = body(&[turn(&id, "x")], policy);
            other["sessionId"] = json!("other");
            let reply = client.post("/api/turns", other).await;
            reply.is_problem(409, "turn_conflict");
            assert_eq!(reply.pointers(), ["/turns/0"]);
        }
        client
            .get("/api/sessions/other")
            .await
            .is_problem(404, "not_found");
    });
}

#[test]
fn a_replaced_turn_loses_its_embedding_at_once_and_an_old_one_comes_too_late() {
    on_own_deployments(
        |_| {},
        async |deployment| {
            let user = Uuid::new_v4();
            let client = deployment.as_user(user);
            client.record("s", &[turn("1", "first")]).await;
            client.synced("s").await;
            let embedded = "select count(*) from memories.turn_embeddings where user_id = $1";
            assert_eq!(deployment.count(embedded, &[&user]).await, 1);

            let embedder = deployment.stack.embedder.as_ref().unwrap();
            embedder.fail_next(usize::MAX, reqwest::StatusCode::SERVICE_UNAVAILABLE, None);
            let change = body(&[turn("1", "second")], "replace");
            client.post("/api/turns", change).await.is(200);
            assert_eq!(deployment.count(embedded, &[&user]).await, 0);

            // A job that had read the first revision writes now.
            let late = format!(
                "begin;
            create temporary table job on commit drop as
            select a.job_id, a.session_id, a.turn_id, coalesce(a.started_at, now()) as started_at
            from memories.adapter_syncs as a
            where a.user_id = '{user}';
            grant select on job to memory_worker;
            select set_config('role', 'memory_worker', true),
                set_config('request.jwt.claims', '{{\"sub\":\"{user}\"}}', true);
            select memories.settle_embed_job(
                job_id, session_id, started_at, array[turn_id], array[1], array['lexical-384'],
                array['[1,0]'::extensions.halfvec], array[turn_id], array[1],
                '{{}}', '{{}}', '{{}}', 10, null, false
            ) from job;
            commit"
            );
            deployment.admin().await.batch_execute(&late).await.unwrap();
            assert_eq!(deployment.count(embedded, &[&user]).await, 0);
            let pending = "select count(*) from memories.adapter_syncs
            where user_id = $1 and state = 'pending'";
            assert_eq!(deployment.count(pending, &[&user]).await, 1);
        },
    );
}

#[test]
fn any_other_id_counts_within_its_session() {
    on_both_hosts(async |deployment| {
        let client = deployment.as_somebody();
        let one = client.record("one", &[turn("1", "x")]).await;
        let two = client.record("two", &[turn("1", "y")]).await;
        assert_ne!(one.each("turns", "turnId"), two.each("turns", "turnId"));
        let read = client.get("/api/sessions/two").await;
        assert_eq!(read.each("turns", "content"), [json!("y")]);
    });
}
