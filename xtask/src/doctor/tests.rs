//! The doctor and the local stack: first all is well, then one thing after the other is not.

mod vectors;

use devstack::embedder::{self, Embedder, lexical};
use devstack::postgres::{Database, shared};
use devstack::qstash::{Qstash, Settings};
use devstack::redis::{self, Redis};
use devstack::stack::workspace;
use memory_orchestrator::config::env;

use super::finding::Level;
use super::migrations::Administrator;
use super::{examine, soon};
use crate::provision::plan::Wanted;
use crate::provision::target::Target;

const URL: &str = "http://127.0.0.1:9";

/// What a deployment names, and its environment.
struct Bench {
    database: Database,
    qstash: Qstash,
    _embedder: Embedder,
    _redis: Option<Redis>,
    env: Vec<(String, String)>,
}

impl Bench {
    /// All of it, provisioned. None where there can be no Postgres.
    async fn start() -> Option<Self> {
        let server = match shared().await {
            Ok(server) => server,
            Err(missing) => {
                devstack::skipped(&missing.to_string());
                return None;
            }
        };
        let migrations = workspace().join("migrations");
        let database = server.fresh_database(&migrations).await.unwrap();
        let qstash = Qstash::start(Settings::default()).await.unwrap();
        let embedder = Embedder::start(embedder::Settings::default()).unwrap();
        let keys = qstash.signing_keys();
        let mut env = Vec::new();
        let mut set = |name: &str, value: &str| env.push((name.to_owned(), value.to_owned()));
        set("DATABASE_URL", &plain(&database.function_url()));
        set("SUPABASE_JWT_SECRET", "a secret of the tests");
        set("MEMORY_PUBLIC_URL", URL);
        set("QSTASH_URL", qstash.url());
        set("QSTASH_TOKEN", qstash.token());
        set("QSTASH_CURRENT_SIGNING_KEY", &keys.current);
        set("QSTASH_NEXT_SIGNING_KEY", &keys.next);
        set(
            "EMBEDDINGS_URL",
            &format!("{}/v1/embeddings", embedder.url()),
        );
        set("EMBEDDINGS_MODEL", lexical::NAME);
        let redis = redis().await;
        if let Some(redis) = &redis {
            set("UPSTASH_REDIS_REST_URL", redis.url());
            set("UPSTASH_REDIS_REST_TOKEN", redis.token());
        }
        let bench = Self {
            database,
            qstash,
            _embedder: embedder,
            _redis: redis,
            env,
        };
        bench.provision().await;
        Some(bench)
    }

    fn administrator(&self) -> Administrator {
        Administrator {
            url: self.database.url(),
            ca_pem: self.database.cluster().ca_pem().map(str::to_owned),
        }
    }

    async fn provision(&self) {
        let target = Target::read(None, |name| self.get(name)).unwrap_or_else(|e| panic!("{e}"));
        let Wanted {
            endpoints,
            schedule,
            ..
        } = &target.wanted;
        let endpoints: Vec<&str> = endpoints.iter().map(String::as_str).collect();
        target.qstash.subscribe(&endpoints, soon()).await.unwrap();
        target.qstash.set_schedule(schedule, soon()).await.unwrap();
    }

    fn get(&self, name: &str) -> Option<String> {
        let found = self.env.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// What is found with these variables set otherwise, as lines; none of them shows a secret.
    async fn lines(&self, changes: &[(&str, &str)]) -> Vec<String> {
        self.lines_for(changes, None).await
    }

    async fn lines_for(
        &self,
        changes: &[(&str, &str)],
        administrator: Option<Administrator>,
    ) -> Vec<String> {
        let mut changed = self.env.clone();
        changed.retain(|(name, _)| changes.iter().all(|(other, _)| name != other));
        for (name, value) in changes {
            changed.push(((*name).to_owned(), (*value).to_owned()));
        }
        let findings = examine(changed.clone(), administrator).await;
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        for (name, value) in &changed {
            let secret = env::ALL
                .iter()
                .any(|known| known.name == name && known.secret);
            if secret && !value.is_empty() {
                assert!(
                    !lines.concat().contains(value),
                    "{name} is shown: {lines:?}"
                );
            }
        }
        lines
    }
}

/// The service wants to be told that it shall not encrypt.
fn plain(url: &str) -> String {
    if url.contains("sslmode") {
        url.to_owned()
    } else {
        format!("{url}?sslmode=disable")
    }
}

async fn redis() -> Option<Redis> {
    let installed = tokio::task::spawn_blocking(Redis::ensure_installed)
        .await
        .unwrap();
    if let Err(missing) = installed {
        devstack::skipped(&format!("the doctor's look at Redis: {missing}"));
        return None;
    }
    Some(Redis::start(redis::Settings::default()).await.unwrap())
}

/// The lines of that level, without it.
fn of(level: Level, lines: &[String]) -> Vec<&str> {
    let name = match level {
        Level::Ok => "ok  ",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    lines
        .iter()
        .filter_map(|line| line.strip_prefix(name))
        .map(str::trim)
        .collect()
}

#[tokio::test]
async fn a_sound_deployment_has_no_failure() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let lines = bench.lines(&[]).await;
    assert_eq!(of(Level::Fail, &lines), [""; 0], "{lines:#?}");
    for ok in [
        "variables   ",
        "database    PostgreSQL",
        "rights      memory_orchestrator has no more than it needs",
        "extensions  vector is there",
        "migrations  all ",
        "qstash      QSTASH_TOKEN is accepted",
        "qstash      topic memory.sync",
        "qstash      endpoint http://127.0.0.1:9/api/jobs/embed",
        "qstash      schedule memory-sweep",
        "qstash      the signing keys are the account's",
        "embeddings  lexical-384 answers with 384 dimensions",
    ] {
        assert!(
            of(Level::Ok, &lines)
                .iter()
                .any(|line| line.starts_with(ok)),
            "{ok}: {lines:#?}"
        );
    }
    if bench._redis.is_some() {
        assert!(
            of(Level::Ok, &lines).contains(&"redis       it answers"),
            "{lines:#?}"
        );
    }
    // Nothing is deployed there.
    assert!(
        of(Level::Warn, &lines)
            .iter()
            .any(|line| line.starts_with("deployment  "))
    );
}

#[tokio::test]
async fn each_thing_that_is_wrong_is_named() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let administrator = plain(&bench.database.url());
    let bare = {
        let cluster = bench.database.cluster();
        let name = format!("bare_{}", uuid::Uuid::new_v4().simple());
        let bare = cluster.create_database(&name).await.unwrap();
        plain(&bare.function_url())
    };
    for (name, value, said) in [
        ("DATABASE_URL", administrator.as_str(), "rights      "),
        (
            "DATABASE_URL",
            &bare,
            "migrations  none is applied: run cargo xtask migrate",
        ),
        (
            "DATABASE_URL",
            "postgres://memory_orchestrator:x@127.0.0.1:9/x?sslmode=disable",
            "database    could not connect",
        ),
        (
            "DATABASE_URL",
            "postgres://memory_orchestrator:x@127.0.0.1:9/x",
            "database    DATABASE_CA_PEM is missing",
        ),
        (
            "DATABASE_POOL_SIZE",
            "0",
            "variables   DATABASE_POOL_SIZE is not a whole number",
        ),
        (
            "QSTASH_TOKEN",
            "wrong",
            "qstash      QStash at http://127.0.0.1",
        ),
        (
            "QSTASH_TOPIC",
            "memory.other",
            "qstash      the topic memory.other does not exist",
        ),
        (
            "QSTASH_TOPIC",
            "memory.other",
            "qstash      there is no schedule memory.other-sweep",
        ),
        (
            "MEMORY_PUBLIC_URL",
            "http://127.0.0.1:10",
            "qstash      the schedule memory-sweep says something else",
        ),
        (
            "MEMORY_PUBLIC_URL",
            "",
            "variables   MEMORY_PUBLIC_URL is missing",
        ),
        (
            "MEM0_API_KEY",
            "m0-secret-of-the-tests",
            "qstash      the topic does not deliver to http://127.0.0.1:9/api/jobs/mem0",
        ),
        (
            "MEM0_API_KEY",
            "m0-secret-of-the-tests",
            "mem0        Mem0 does not answer",
        ),
        (
            "QSTASH_CURRENT_SIGNING_KEY",
            "sig_other",
            "qstash      the account signs with another key",
        ),
        ("EMBEDDINGS_MODEL", "unknown", "embeddings  unknown "),
        ("EMBEDDINGS_DIMENSIONS", "512", "embeddings  lexical-384 "),
        (
            "EMBEDDINGS_NEXT_URL",
            "http://127.0.0.1:9/v1/embeddings",
            "variables   EMBEDDINGS_NEXT_MODEL is missing",
        ),
        (
            "UPSTASH_REDIS_REST_URL",
            "http://127.0.0.1:9",
            "redis       Redis does not answer",
        ),
    ] {
        let mut changes = vec![(name, value)];
        match name {
            // Its own check would call the real one.
            "MEM0_API_KEY" => changes.push(("MEM0_URL", "http://127.0.0.1:9")),
            "UPSTASH_REDIS_REST_URL" => changes.push(("UPSTASH_REDIS_REST_TOKEN", "token-of-it")),
            _ => {}
        }
        let lines = bench.lines(&changes).await;
        let failed = of(Level::Fail, &lines);
        assert!(
            failed.iter().any(|line| line.starts_with(said)),
            "{name}: {lines:#?}"
        );
    }
}

#[tokio::test]
async fn all_faults_of_an_environment_are_told_at_once() {
    let env = [
        ("MEMORY_PUBLIC_URL", "ftp://example.com"),
        ("MEMORY_PUBIC_URL", "https://example.com"),
        ("QSTASH_RETRIES", "99"),
        ("MEM0_API", "neither"),
        ("UPSTASH_REDIS_REST_URL", "https://example.com"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let lines: Vec<String> = examine(env.to_vec(), None)
        .await
        .iter()
        .map(ToString::to_string)
        .collect();
    let failed = of(Level::Fail, &lines);
    for name in [
        "DATABASE_URL is missing",
        "SUPABASE_JWT_SECRET is missing",
        "MEMORY_PUBLIC_URL is not an http(s) URL",
        "QSTASH_RETRIES is not a whole number",
        "MEM0_API is neither",
        "UPSTASH_REDIS_REST_TOKEN is missing",
    ] {
        assert!(
            failed.contains(&format!("variables   {name}").as_str())
                || failed.iter().any(|line| line.contains(name)),
            "{name}: {lines:#?}"
        );
    }
    assert_eq!(failed.len(), 6, "{lines:#?}");
    let warned = of(Level::Warn, &lines);
    assert!(
        warned[0].contains("MEMORY_PUBIC_URL is not a variable"),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn an_administrator_sees_the_list_of_migrations() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    let lines = bench.lines_for(&[], Some(bench.administrator())).await;
    assert!(
        of(Level::Ok, &lines)
            .iter()
            .any(|line| line.ends_with("are applied")),
        "{lines:#?}"
    );
    let client = bench.database.admin().await.unwrap();
    client
        .batch_execute("update memories_migrations.applied set checksum = 'x' where version = 1")
        .await
        .unwrap();
    let lines = bench.lines_for(&[], Some(bench.administrator())).await;
    let failed = of(Level::Fail, &lines);
    let said = "migrations  0001 schema was changed after";
    assert!(
        failed.iter().any(|line| line.starts_with(said)),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn a_rotation_is_noticed() {
    let Some(bench) = Bench::start().await else {
        return;
    };
    reqwest::Client::new()
        .post(format!("{}/v2/keys/rotate", bench.qstash.url()))
        .bearer_auth(bench.qstash.token())
        .send()
        .await
        .unwrap();
    let lines = bench.lines(&[]).await;
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("warn  qstash      QSTASH_NEXT_SIGNING_KEY")),
        "{lines:#?}"
    );
}
