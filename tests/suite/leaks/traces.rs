//! The places where a trace may be left, each with what may not stand in it.

use black_box::Deployment;
use reqwest::Url;
use serde_json::Value;

use super::canaries::Bar;
use super::traffic::Traffic;

/// Where the conversation itself is kept, as it was said.
const CONVERSATION: [&str; 2] = ["memories.sessions", "memories.turns"];

/// A place, and all that stands there.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) bar: Bar,
    pub(super) texts: Vec<String>,
}

fn place(name: &str, bar: Bar, texts: Vec<String>) -> Place {
    let name = name.to_owned();
    Place { name, bar, texts }
}

/// Everything but the conversation.
pub(super) async fn all(deployment: &Deployment, traffic: &Traffic<'_>) -> Vec<Place> {
    let stack = &deployment.stack;
    let log = deployment.log().lines().map(str::to_owned).collect();
    let mut places = vec![
        place("a log or a span", Bar::Anything, log),
        place("an answer", Bar::Anything, traffic.answers()),
        place(
            "what QStash was sent",
            Bar::Anything,
            stack.qstash.received(),
        ),
        place(
            "what QStash keeps",
            Bar::Anything,
            kept_by_qstash(deployment).await,
        ),
    ];
    if let Some(embedder) = &stack.embedder {
        let received = embedder.received();
        places.push(place("what the embedder was sent", Bar::Personal, received));
    }
    if let Some(mem0) = &stack.mem0 {
        places.push(place("what Mem0 was sent", Bar::Personal, mem0.received()));
    }
    if let Some(redis) = &stack.redis {
        let received = redis.received();
        places.push(place("what Redis was sent", Bar::Anything, received));
        let dump = dump(redis).await;
        places.push(place("what Redis keeps", Bar::Anything, dump));
    }
    places.extend(tables(deployment).await);
    places
}

/// The messages that wait, what became of the others, and its dead letters.
async fn kept_by_qstash(deployment: &Deployment) -> Vec<String> {
    let qstash = &deployment.stack.qstash;
    let http = reqwest::Client::new();
    let mut kept = Vec::new();
    for list in ["logs", "dlq", "schedules", "topics"] {
        let url: Url = format!("{}/v2/{list}?count=1000", qstash.url())
            .parse()
            .unwrap();
        let answer = http
            .get(url)
            .bearer_auth(qstash.token())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{list}: {answer:?}");
        kept.push(answer.text().await.unwrap());
    }
    kept
}

/// Every key with its value, whatever it is.
async fn dump(redis: &devstack::redis::Redis) -> Vec<String> {
    let keys: Vec<String> = serde_json::from_value(redis.command(&["KEYS", "*"]).await).unwrap();
    let mut dump = Vec::new();
    for key in keys {
        let kind = redis.command(&["TYPE", &key]).await;
        let value = match kind.as_str().unwrap() {
            "string" => redis.command(&["GET", &key]).await,
            "hash" => redis.command(&["HGETALL", &key]).await,
            "zset" => redis.command(&["ZRANGE", &key, "0", "-1"]).await,
            "set" => redis.command(&["SMEMBERS", &key]).await,
            "list" => redis.command(&["LRANGE", &key, "0", "-1"]).await,
            // Gone since.
            "none" => Value::Null,
            kind => unreachable!("a {kind} in Redis, which is not looked into"),
        };
        let ttl = redis.command(&["TTL", &key]).await.as_i64();
        assert!(ttl.is_some_and(|ttl| ttl != -1), "{key} stays for ever");
        dump.push(format!("{key}\n{value}"));
    }
    dump
}

/// Every row of every table and view of ours and of pgmq's, but for the conversation.
async fn tables(deployment: &Deployment) -> Vec<Place> {
    let admin = deployment.admin().await;
    let names = "
        select format('%I.%I', n.nspname, c.relname)
        from pg_class as c
        join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('memories', 'pgmq') and c.relkind in ('r', 'p', 'v', 'm')
        order by 1";
    let mut places = Vec::new();
    for row in admin.query(names, &[]).await.unwrap() {
        let table: String = row.get(0);
        if CONVERSATION.contains(&table.as_str()) {
            continue;
        }
        let rows = format!("select t::text from {table} as t");
        let rows = admin.query(&rows, &[]).await.unwrap();
        let texts = rows.iter().map(|row| row.get(0)).collect();
        places.push(place(&table, Bar::Anything, texts));
    }
    places
}

/// What Postgres itself logged, where it can be read.
pub(super) async fn postgres(deployment: &Deployment) -> Place {
    let log = "select pg_read_binary_file(
        current_setting('data_directory') || '/../server.log', 0, 100000000, true)";
    let row = deployment.admin().await.query_one(log, &[]).await.unwrap();
    let log: Option<Vec<u8>> = row.get(0);
    let log = log.unwrap_or_default();
    let lines = String::from_utf8_lossy(&log);
    let lines = lines.lines().map(str::to_owned).collect();
    place("Postgres's log", Bar::Anything, lines)
}
