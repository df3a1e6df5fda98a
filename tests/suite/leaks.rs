//! What is sent to us turns up nowhere but in the conversation itself: not in logs, spans, errors, Redis, queues or
//! dead letters, and at third parties without personal data. And what is logged is what `docs/logging.md` lists.

mod canaries;
mod document;
mod forged;
mod samples;
mod source;
mod traces;
mod traffic;

use std::time::Duration;

use black_box::{Deployment, on_own_deployments, until};
use devstack::redis::Fault as RedisFault;
use devstack::stack::StackSettings;
use memory_orchestrator::endpoints;
use reqwest::StatusCode;
use serde_json::json;

use self::traces::Place;
use self::traffic::Traffic;

/// Values of variables.
const ORIGIN: &str = "https://app.example.org";
const LIMIT: &str = "sliding:10000/1d";
const EMBEDDINGS_KEY: &str = "what-opens-the-embedder";

/// All that there is, at its most talkative: below `debug` a host's runtime would log whole requests.
fn everything(settings: &mut StackSettings) {
    settings.redis = true;
    settings.mem0 = true;
    settings.sweeps = true;
    settings.qstash_time_scale = 0.005;
    let classes = ["turns", "context", "sessions", "sync", "backfill", "export"];
    let limits = classes.map(|class| format!("{class}={LIMIT}")).join(" ");
    for (name, value) in [
        ("MEMORY_LOG", "trace"),
        ("MEMORY_LIMITS", &limits),
        ("MEMORY_JOB_ATTEMPTS", "2"),
        ("MEMORY_JOB_SECONDS", "5"),
        ("MEMORY_CORS_ORIGINS", ORIGIN),
        ("EMBEDDINGS_API_KEY", EMBEDDINGS_KEY),
    ] {
        settings.env.insert(name.to_owned(), value.to_owned());
    }
}

#[test]
fn nothing_that_is_sent_turns_up_where_it_may_not() {
    on_own_deployments(everything, async |deployment| {
        let traffic = Traffic::new(deployment);
        traffic.good().await;
        worked(deployment).await;
        for _ in 0..3 {
            traffic.question("in good times").await;
        }
        traffic.bad().await;
        traffic.deliveries().await;
        providers_quote(deployment, &traffic).await;
        clean(deployment, &traffic).await;
        traffic.nothing_broke();
        let postgres = traces::postgres(deployment).await;
        held(&traffic, &[postgres]);

        traffic.erase().await;
        confirmed(deployment).await;
        traffic.turns("after the erasure").await;
        broken(deployment, &traffic).await;
        clean(deployment, &traffic).await;
    });
}

/// Sweeps until no turn waits for an adapter: every job is late, and every circuit is tried again.
async fn worked(deployment: &Deployment) {
    let waiting = "select count(*) from memories.adapter_syncs where state = 'pending'";
    let late = [
        "update pgmq.q_memory_embed set vt = now()",
        "update pgmq.q_memory_mem0 set vt = now()",
        "update memories.adapter_states set retry_at = now() where state = 'open'",
    ];
    until(async || {
        swept(deployment, &late).await;
        deployment.count(waiting, &[]).await == 0
    })
    .await;
}

async fn swept(deployment: &Deployment, hasten: &[&str]) {
    let admin = deployment.admin().await;
    for statement in hasten {
        admin.execute(*statement, &[]).await.unwrap();
    }
    let service = deployment.as_service();
    service.post("/api/jobs/sweep", json!({})).await.is(200);
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// Providers that say back what they could not read, in refusals and in successes that are none; and a Redis.
async fn providers_quote(deployment: &Deployment, traffic: &Traffic<'_>) {
    let stack = &deployment.stack;
    let (embedder, mem0) = (
        stack.embedder.as_ref().unwrap(),
        stack.mem0.as_ref().unwrap(),
    );
    let quote = |status| {
        embedder.quote(status);
        mem0.faults().quote(status);
    };
    for status in [StatusCode::BAD_REQUEST, StatusCode::OK] {
        quote(Some(status));
        traffic
            .turns(&format!("to providers that quote with {status}"))
            .await;
        if status == StatusCode::BAD_REQUEST {
            worked(deployment).await;
        }
    }
    quote(Some(StatusCode::INTERNAL_SERVER_ERROR));
    traffic.question("to providers that break down").await;
    quote(None);
    for adapter in ["embed", "mem0"] {
        let dead = "select count(*) from memories.dead_letters where adapter = $1";
        assert!(deployment.count(dead, &[&adapter]).await > 0, "{adapter}");
    }
    if let Some(redis) = &stack.redis {
        for fault in [
            RedisFault::Garble(format!("[{{\"error\":\"{OF_REDIS}\"}}]")),
            RedisFault::Cut,
        ] {
            redis.faults().set(fault);
            traffic.turns("without Redis").await;
            redis.faults().set(RedisFault::None);
        }
    }
    worked(deployment).await;
}

/// What Redis says when it fails, and what Postgres does.
const OF_REDIS: &str = "the words of Redis";
const OF_POSTGRES: &str = "the words of a trigger";

/// A database whose errors quote the rows: a word of them, since the other host's run reads the same server's log.
async fn broken(deployment: &Deployment, traffic: &Traffic<'_>) {
    let quoting = format!(
        "create function public.tell() returns trigger language plpgsql as $$ begin
            raise exception '{OF_POSTGRES}: %', left(new.text, 15) using detail = left(new.text, 15);
        end $$;
        create trigger tell before insert on memories.turns for each row execute function public.tell()"
    );
    deployment
        .admin()
        .await
        .batch_execute(&quoting)
        .await
        .unwrap();
    traffic.turns("to a database that quotes").await;
    assert!(deployment.log().contains("SQLSTATE P0001"), "no failure");
}

/// Waits until every copy of what was erased is gone.
async fn confirmed(deployment: &Deployment) {
    let open = "select count(*) from memories.erasures where confirmed_at is null";
    // Two statements: an attempt locks the job, then the erasure.
    let settled = [
        "update memories.erasures set settles_at = now() where settles_at > now()",
        "update pgmq.q_memory_erase set vt = now()",
    ];
    until(async || {
        swept(deployment, &settled).await;
        deployment.count(open, &[]).await == 0
    })
    .await;
}

/// Holds every place to its bar, and to what the document says is never logged.
async fn clean(deployment: &Deployment, traffic: &Traffic<'_>) {
    let places = traces::all(deployment, traffic).await;
    held(traffic, &places);
    for kind in document::never() {
        for words in never(deployment, traffic, &kind) {
            let has_it = |place: &&Place| place.texts.iter().any(|text| text.contains(&words));
            let name = places.iter().find(has_it).map(|place| &place.name);
            assert_eq!(name, None, "{kind}");
        }
    }
    arrived(&places, traffic);
}

/// What stands for a row of the document's list, beside the canaries; a new row wants something of its own.
fn never(deployment: &Deployment, traffic: &Traffic<'_>, kind: &str) -> Vec<String> {
    let stack = &deployment.stack;
    match kind.split([':', ',']).next().unwrap() {
        // What canaries are.
        "text of a user" | "ids that an app chose" => Vec::new(),
        "tokens" => {
            let keys = stack.qstash.signing_keys();
            let redis = stack.redis.as_ref().map(|redis| redis.token().to_owned());
            let password = deployment.database.cluster().function_password();
            let mut secrets = vec![
                traffic.token.clone(),
                // How every token begins.
                format!("{}.", traffic.token.split('.').next().unwrap()),
                stack.jwt_secret.clone(),
                stack.qstash.token().to_owned(),
                keys.current,
                keys.next,
                stack.mem0.as_ref().unwrap().api_key().to_owned(),
                EMBEDDINGS_KEY.to_owned(),
                password.to_owned(),
            ];
            secrets.extend(redis);
            secrets
        }
        "the value of a variable" => vec![ORIGIN.to_owned(), LIMIT.to_owned()],
        "a URL that may hold credentials" => {
            let mut urls = vec![
                stack.embedder.as_ref().unwrap().url().to_owned(),
                stack.mem0.as_ref().unwrap().url().to_owned(),
                stack.qstash.url().to_owned(),
                "postgres://".to_owned(),
            ];
            urls.extend(stack.redis.as_ref().map(|redis| redis.url().to_owned()));
            urls
        }
        "the words of a database error" => vec![OF_POSTGRES.to_owned()],
        "the body of a provider's answer" => vec![OF_REDIS.to_owned()],
        "a panic's message" => vec!["panicked at".to_owned()],
        _ => unreachable!("nothing stands for {kind}"),
    }
}

/// That it was a run: every endpoint left its span, and what third parties were sent was redacted, not withheld.
fn arrived(places: &[Place], traffic: &Traffic<'_>) {
    let texts = |name: &str| {
        &places
            .iter()
            .find(|place| place.name == name)
            .unwrap()
            .texts
    };
    for endpoint in endpoints::ALL {
        let span = format!("\"intent\":\"{}\"", endpoint.intent);
        let left = texts("a log or a span")
            .iter()
            .any(|line| line.contains(&span));
        assert!(left, "{span}");
    }
    for party in ["what the embedder was sent", "what Mem0 was sent"] {
        let redacted = |text: &String| traffic.canaries.speaks(text) && text.contains("[EMAIL");
        assert!(texts(party).iter().any(redacted), "{party}");
    }
}

#[track_caller]
fn held(traffic: &Traffic<'_>, places: &[Place]) {
    let canaries = &traffic.canaries;
    let leak = |place: &Place| {
        let mut found = place.texts.iter();
        let found = found.find_map(|text| canaries.find(text, place.bar))?;
        Some((place.name.clone(), canaries.fields(&found), found))
    };
    let leaks: Vec<_> = places.iter().filter_map(leak).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}
