//! What is erased is gone: from every table, queue and archive, from Redis and from Mem0; and it does not come
//! back, whatever was under way, is sent again, or is killed.

mod interrupted;
mod real_mem0;
mod retention;
mod sessions;

use std::time::Duration;

use black_box::{Client, Deployment, Reply, Signed, marked, on_own_deployments, turn, until};
use devstack::stack::StackSettings;
use serde_json::{Value, json};
use uuid::Uuid;

/// Functions that have everything that a user may leave traces in.
fn everything(settings: &mut StackSettings) {
    settings.redis = true;
    settings.mem0 = true;
    settings
        .env
        .insert("MEMORY_JOB_SECONDS".to_owned(), "5".to_owned());
}

/// How many rows of all tables, queues and archives name something anywhere, told per table.
async fn rows_with(deployment: &Deployment, text: &str) -> Vec<(String, i64)> {
    let admin = deployment.admin().await;
    let tables = "
        select format('%I.%I', n.nspname, c.relname)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('memories', 'pgmq') and c.relkind in ('r', 'p')
        order by 1";
    let mut found = Vec::new();
    for row in admin.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let count =
            format!("select count(*) from {table} as t where t::text like '%' || $1 || '%'");
        let count: i64 = admin.query_one(&count, &[&text]).await.unwrap().get(0);
        if count > 0 {
            found.push((table, count));
        }
    }
    found
}

async fn keys_with(deployment: &Deployment, text: &str) -> Vec<String> {
    let Some(redis) = &deployment.stack.redis else {
        return Vec::new();
    };
    let keys: Vec<String> = serde_json::from_value(redis.command(&["KEYS", "*"]).await).unwrap();
    keys.into_iter().filter(|key| key.contains(text)).collect()
}

fn facts_of(deployment: &Deployment, user: Uuid) -> usize {
    let user = Some(user.to_string());
    let memories = deployment.stack.mem0.as_ref().unwrap().memories();
    memories
        .iter()
        .filter(|memory| memory.user_id == user)
        .count()
}

/// Records, and waits until all is embedded and at Mem0.
async fn settled(deployment: &Deployment, user: Uuid, session: &str, turns: &[Value]) {
    let before = facts_of(deployment, user);
    let client = deployment.as_user(user);
    client.record(session, turns).await;
    client.synced(session).await;
    until(async || facts_of(deployment, user) == before + turns.len()).await;
}

/// Leaves traces wherever a user can.
async fn lives(deployment: &Deployment, user: Uuid, word: &str) {
    settled(deployment, user, "a", &[turn("1", word), turn("2", "milk")]).await;
    settled(deployment, user, "b", &[turn("1", "toast")]).await;
    let client = deployment.as_user(user);
    let ask = json!({ "query": word, "sessionId": "a", "deadlineMs": 5000 });
    // On a busy machine the cache does not answer in its 30 ms at first.
    until(async || {
        client.context(ask.clone()).await;
        let name = user.to_string();
        deployment.stack.redis.is_none() || keys_with(deployment, &name).await.len() >= 3
    })
    .await;
    let admin = deployment.admin().await;
    for statement in [
        "insert into memories.audit (user_id, kind) values ($1, 'dead_letter')",
        "insert into memories.retention (user_id, days) values ($1, 1000)",
        "insert into memories.large_users (user_id, model, dimensions, vectors, index_name)
        values ($1, 'm', 3, 1, $1::uuid::text)",
        "insert into pgmq.a_memory_embed (msg_id, enqueued_at, vt, message)
        select coalesce(max(a.msg_id), 0) + 1000000, now(), now(), jsonb_build_object('userId', $1::uuid)
        from pgmq.a_memory_embed as a",
        "insert into pgmq.q_memory_mem0 (vt, message)
        values (now() + interval '1 hour', jsonb_build_object('userId', $1::uuid))",
    ] {
        admin.execute(statement, &[&user]).await.unwrap();
    }
}

/// As if the time had passed in which something under way could still write.
async fn pass_the_time(deployment: &Deployment) {
    let admin = deployment.admin().await;
    // Two transactions: an attempt locks the job, then the erasure.
    for statement in [
        "update memories.erasures set settles_at = now() where settles_at > now()",
        "update pgmq.q_memory_erase set vt = now()",
    ] {
        admin.execute(statement, &[]).await.unwrap();
    }
}

/// Sweeps until the user's erasures are all confirmed; the latest record.
async fn confirmed(deployment: &Deployment, client: &Client<'_>) -> Value {
    until(async || {
        let service = deployment.as_service();
        service.post("/api/jobs/sweep", json!({})).await.is(200);
        let records = client.get("/api/memory").await;
        records.is(200);
        let confirmed = records.each("erasures", "confirmedAt");
        // The list is a page; the oldest may stand beyond it.
        let open = "select count(*) from memories.erasures where confirmed_at is null";
        if !confirmed.is_empty()
            && confirmed.iter().all(Value::is_string)
            && deployment.count(open, &[]).await == 0
        {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        pass_the_time(deployment).await;
        false
    })
    .await;
    client.get("/api/memory").await.body["erasures"][0].clone()
}

async fn erased(client: &Client<'_>) -> Reply {
    let reply = client.delete("/api/memory").await;
    reply.is(202);
    assert!(reply.body["erasureId"].is_string(), "{reply:?}");
    reply
}

#[test]
fn of_an_erased_user_nothing_is_left_anywhere_and_of_another_everything() {
    on_own_deployments(everything, async |deployment| {
        let (ann, ben) = (Uuid::new_v4(), Uuid::new_v4());
        let (word, other) = (marked("anns"), marked("bens"));
        lives(deployment, ann, &word).await;
        lives(deployment, ben, &other).await;
        let (name, neighbour) = (ann.to_string(), ben.to_string());
        let jobs_before = deployment.as_user(ann);
        jobs_before.record("c", &[turn("1", "tea")]).await;
        jobs_before.synced("c").await;
        let kept = async || {
            let mut rows = rows_with(deployment, &neighbour).await;
            // The survey, which a sweep makes, finds that the user is not large at all.
            rows.retain(|(table, _)| table != "memories.large_users");
            rows
        };
        let before = kept().await;
        let tables = "select count(distinct c.relname) from pg_attribute as a
            join pg_class as c on c.oid = a.attrelid
            where c.relnamespace = 'memories'::regnamespace and c.relkind = 'r' and a.attname = 'user_id'";
        let traced = rows_with(deployment, &name).await;
        let own = traced
            .iter()
            .filter(|(table, _)| table.starts_with("memories."));
        assert_eq!(
            own.count() as i64,
            deployment.count(tables, &[]).await,
            "a table of users' rows that this test does not fill: {traced:?}"
        );
        if deployment.stack.redis.is_some() {
            assert!(keys_with(deployment, &name).await.len() >= 3);
        }

        let client = deployment.as_user(ann);
        let reply = erased(&client).await;
        assert_eq!(reply.body["status"], "ok", "{reply:?}");
        // At once: the rows. The user's id waits with the erasure's own job.
        let left = rows_with(deployment, &name).await;
        assert!(
            left.iter().all(|(table, _)| table == "pgmq.q_memory_erase"),
            "{left:?}"
        );
        assert_eq!(rows_with(deployment, &word).await, []);
        assert_eq!(
            client.get("/api/sessions").await.body["sessions"],
            json!([])
        );
        let context = client
            .context(json!({ "query": word, "sessionId": "a", "deadlineMs": 5000, "include": ["recent", "relevant"] }))
            .await;
        assert_eq!(context.body["items"], json!([]), "{context:?}");

        let record = confirmed(deployment, &client).await;
        assert_eq!(record["erasureId"], reply.body["erasureId"], "{record}");
        assert_eq!(record["scope"], "all");
        assert_eq!(record["rows"]["turns"], 4, "{record}");
        assert_eq!(record["rows"]["sessions"], 3, "{record}");
        assert_eq!(record["mem0"], "done");
        assert_eq!(rows_with(deployment, &name).await, []);
        assert_eq!(keys_with(deployment, &name).await, Vec::<String>::new());
        assert_eq!(facts_of(deployment, ann), 0);

        assert_eq!(kept().await, before);
        assert_eq!(facts_of(deployment, ben), 3);
        if deployment.stack.redis.is_some() {
            assert!(!keys_with(deployment, &neighbour).await.is_empty());
        }
        let others = deployment.as_user(ben).get("/api/memory").await;
        assert_eq!(others.body["erasures"], json!([]));
        assert!(!deployment.log().contains(&word));
    });
}

#[test]
fn an_erased_turn_that_is_sent_again_is_refused_and_a_new_one_is_not() {
    on_own_deployments(everything, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        let old = Uuid::new_v4().to_string();
        settled(
            deployment,
            user,
            "s",
            &[turn("1", "tea"), turn(&old, "milk")],
        )
        .await;
        erased(&client).await;
        let send = |session: &str, turns: Value, replace: bool| {
            let mut body = json!({ "sessionId": session, "turns": turns });
            if replace {
                body["onConflict"] = "replace".into();
            }
            client.post("/api/turns", body)
        };
        for replace in [false, true] {
            let again = send(
                "s",
                json!([turn("new", "x"), turn("1", "tea"), turn(&old, "milk")]),
                replace,
            )
            .await;
            again.is_problem(410, "turn_erased");
            assert_eq!(again.pointers(), ["/turns/1", "/turns/2"]);
        }
        // With other words, or elsewhere: a UUID names one turn of the user, a text one of its session.
        send("s", json!([turn("1", "other")]), true)
            .await
            .is_problem(410, "turn_erased");
        send("t", json!([turn(&old, "milk")]), false)
            .await
            .is_problem(410, "turn_erased");
        assert_eq!(
            client.get("/api/sessions").await.body["sessions"],
            json!([])
        );

        // The user goes on; so does Mem0, once it has confirmed.
        client.record("s", &[turn("2", "honey")]).await;
        client.record("t", &[turn("1", "bread")]).await;
        confirmed(deployment, &client).await;
        until(async || {
            deployment
                .as_service()
                .post("/api/jobs/sweep", json!({}))
                .await
                .is(200);
            let due = "update pgmq.q_memory_mem0 set vt = now()";
            deployment.admin().await.execute(due, &[]).await.unwrap();
            facts_of(deployment, user) == 2
        })
        .await;
        client.synced("s").await;
        let somebody = deployment.as_somebody();
        somebody
            .record("s", &[turn("1", "tea"), turn(&old, "milk")])
            .await;
    });
}

#[test]
fn a_late_delivery_of_an_erased_turns_job_finds_nothing() {
    let quiet = |settings: &mut StackSettings| {
        everything(settings);
        settings
            .env
            .insert("QSTASH_TOKEN".to_owned(), String::new());
    };
    on_own_deployments(quiet, async |deployment| {
        let user = Uuid::new_v4();
        let client = deployment.as_user(user);
        client.record("s", &[turn("1", "tea")]).await;
        let job = "select job_id from memories.adapter_syncs where adapter = $1";
        let embed = deployment.count(job, &[&"embed"]).await;
        let mem0 = deployment.count(job, &[&"mem0"]).await;
        let body =
            json!({ "version": 1, "userId": user, "jobs": { "embed": embed, "mem0": mem0 } });
        let reply = erased(&client).await;
        // Nobody was handed the job: the sweeper has it.
        assert_eq!(reply.body["status"], "partial", "{reply:?}");
        for name in ["embed", "mem0"] {
            let late = Signed::new(deployment, name, body.to_string()).send().await;
            late.is(200);
            assert_eq!(late.body["outcome"], "gone", "{late:?}");
        }
        let erase = "select msg_id from pgmq.q_memory_erase";
        let erase = deployment.count(erase, &[]).await;
        let of = |user: Uuid| {
            json!({ "version": 1, "userId": user, "jobs": { "erase": erase } }).to_string()
        };
        // Nor is it anybody else's.
        let other = Signed::new(deployment, "erase", of(Uuid::new_v4()))
            .send()
            .await;
        assert_eq!(other.body["outcome"], "gone", "{other:?}");
        // A request may be under way that writes to Redis: a clean look is not the last.
        if deployment.stack.redis.is_some() {
            let early = Signed::new(deployment, "erase", of(user)).send().await;
            early.is_problem(423, "job_leased");
            let wait: u64 = early.header("retry-after").parse().unwrap();
            assert!((10..=20).contains(&wait), "{early:?}");
            let record = client.get("/api/memory").await;
            assert!(
                record.body["erasures"][0]["confirmedAt"].is_null(),
                "{record:?}"
            );
            // The new generation, under which nothing is stored that began before.
            let name = format!("memory:{user}");
            assert_eq!(keys_with(deployment, &name).await, [name]);
        }
        pass_the_time(deployment).await;
        let done = Signed::new(deployment, "erase", of(user)).send().await;
        assert_eq!(done.body["outcome"], "done", "{done:?}");
        let again = Signed::new(deployment, "erase", of(user)).send().await;
        assert_eq!(again.body["outcome"], "gone", "{again:?}");
        assert_eq!(rows_with(deployment, &user.to_string()).await, []);
        assert_eq!(facts_of(deployment, user), 0);
    });
}

#[test]
fn no_role_of_the_functions_sees_keys_and_tombstones_or_erases_anybody_else() {
    on_own_deployments(
        |_| {},
        async |deployment| {
            for role in [
                "memory_orchestrator",
                "memory_worker",
                "memory_sweeper",
                "authenticated",
                "anon",
            ] {
                let granted = "
                    select count(*)
                    from (
                        select has_table_privilege($1, t, 'select, insert, update, delete')
                        from unnest(array[
                            'memories.erasure_key', 'memories.tombstones', 'memories.retention_default',
                            'memories.erasure_health', 'pgmq.q_memory_erase', 'pgmq.a_memory_erase'
                        ]) as t
                        union all
                        select has_function_privilege($1, p.oid, 'execute')
                        from pg_proc as p
                        where p.pronamespace = 'memories'::regnamespace
                            and p.proname in ('keyed_hash', 'remove_jobs', 'open_erasure', 'refuse_erased')
                        union all
                        select has_table_privilege($1, t, 'insert, update, delete')
                        from unnest(array['memories.erasures', 'memories.retention']) as t
                        union all
                        select has_function_privilege($1, p.oid, 'execute')
                        from pg_proc as p
                        where p.pronamespace = 'memories'::regnamespace
                            and $1 <> case
                                when p.proname = 'erase' then 'authenticated'
                                when p.proname in ('begin_erasure', 'settle_erasure') then 'memory_worker'
                                when p.proname in ('late_erasures', 'expire_turns') then 'memory_sweeper'
                                else $1
                            end
                    ) as g (granted)
                    where granted";
                assert_eq!(deployment.count(granted, &[&role]).await, 0, "{role}");
            }
        },
    );
}
