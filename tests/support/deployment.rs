//! The functions of one host as they run in production, over a database of their own.

use std::fs;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use devstack::functions::{self, BuiltFunctions, Host, Profile};
use devstack::postgres::{self, Database, Pooler, PoolerSettings};
use devstack::qstash::faults::NoFaults;
use devstack::stack::{EmbedderChoice, Stack, StackSettings, tokens, workspace};
use futures_util::FutureExt as _;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::client::Client;

/// Everything lives on one runtime, since a test's own would end before what the tests share.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
});

/// The secret of every deployment's tokens: with one user's token for both hosts, their answers can
/// be compared.
const JWT_SECRET: &str = "what signs the access tokens of the tests";

/// How much faster than real time QStash's waits pass.
const TIME_SCALE: f64 = 0.02;

/// Signs any claims as the deployments' issuer would.
pub fn sign(claims: &serde_json::Value, algorithm: jsonwebtoken::Algorithm) -> String {
    tokens::sign(JWT_SECRET, claims, algorithm).expect("a token")
}

/// Logs of earlier runs are kept for a look at a failure, not for ever.
const LOGS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The functions of one host, their QStash, embedder and router, and the database below them.
///
/// Everything that it started ends with it or with the process, however that ends.
pub struct Deployment {
    /// Where the functions run.
    pub host: Host,
    /// The parts.
    pub stack: Stack,
    /// Nobody else uses it.
    pub database: Database,
    /// The functions' logs.
    pub logs: PathBuf,
    pub(crate) http: reqwest::Client,
}

impl Deployment {
    /// The one that most tests share, each with users of its own; started at the first call.
    pub async fn shared(host: Host) -> &'static Self {
        static VERCEL: OnceCell<Deployment> = OnceCell::const_new();
        static LAMBDA: OnceCell<Deployment> = OnceCell::const_new();
        let cell = match host {
            Host::Vercel => &VERCEL,
            Host::Lambda => &LAMBDA,
        };
        cell.get_or_init(|| Self::start(host, |_| {})).await
    }

    /// One of its own for a test that breaks something, with changed settings.
    pub async fn start(host: Host, change: impl FnOnce(&mut StackSettings)) -> Self {
        Self::over(fresh_database().await, host, change).await
    }

    /// The same over a database that others may use too.
    pub async fn over(
        database: Database,
        host: Host,
        change: impl FnOnce(&mut StackSettings),
    ) -> Self {
        let logs = logs().join(format!("{host}-{}", Uuid::new_v4().simple()));
        let mut settings = StackSettings {
            functions: built(host).await,
            port: None,
            database_url: match pooler().await {
                Some(pooler) => pooler.url_for(&database),
                None => database.function_url(),
            },
            database_ca: database.cluster().ca_pem().map(str::to_owned),
            jwt_secret: JWT_SECRET.to_owned(),
            embedder: EmbedderChoice::Lexical,
            qstash_time_scale: TIME_SCALE,
            qstash_faults: Arc::new(NoFaults),
            redis: false,
            mem0: false,
            sweeps: false,
            log_dir: logs.clone(),
            env: std::collections::BTreeMap::new(),
        };
        change(&mut settings);
        let stack = Stack::start(settings).await.expect("a running stack");
        Self {
            host,
            stack,
            database,
            logs,
            http: reqwest::Client::new(),
        }
    }

    /// A client with a token of this user.
    pub fn as_user(&self, user: Uuid) -> Client<'_> {
        let token = self.stack.user_token(user).expect("a token");
        Client::new(self).with_token(token)
    }

    /// A client with a token of a user that nobody has seen before.
    pub fn as_somebody(&self) -> Client<'_> {
        self.as_user(Uuid::new_v4())
    }

    /// A client with the service role's token.
    pub fn as_service(&self) -> Client<'_> {
        Client::new(self).with_token(self.stack.service_token().expect("a token"))
    }

    /// A client without a token.
    pub fn as_nobody(&self) -> Client<'_> {
        Client::new(self)
    }

    /// The administrator's connection.
    pub async fn admin(&self) -> tokio_postgres::Client {
        self.database.admin().await.expect("a connection")
    }

    /// The number that an administrator's query answers.
    pub async fn count(&self, query: &str, parameters: &[&(dyn ToSql + Sync)]) -> i64 {
        let row = self.admin().await.query_one(query, parameters).await;
        row.expect("a count").get(0)
    }

    /// Every line that the functions have logged so far.
    pub fn log(&self) -> String {
        let files = fs::read_dir(&self.logs).expect("a folder of logs");
        files
            .map(|file| fs::read_to_string(file.expect("a log").path()).expect("a text"))
            .collect()
    }
}

/// Runs a test on the shared deployment of each host, on both at once.
#[track_caller]
pub fn on_both_hosts(test: impl AsyncFn(&'static Deployment)) {
    each_host(async |host| test(Deployment::shared(host).await).await);
}

/// Runs a test on a deployment of its own on each host.
#[track_caller]
pub fn on_own_deployments(
    change: impl Fn(&mut StackSettings),
    test: impl AsyncFn(&mut Deployment),
) {
    each_host(async |host| test(&mut Deployment::start(host, &change).await).await);
}

/// Runs a test that needs no deployment, or starts its own, on the suite's runtime.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// On this thread, so that the test harness captures what a failing test prints.
fn each_host(test: impl AsyncFn(Host)) {
    let on = async |host| {
        let result = AssertUnwindSafe(test(host)).catch_unwind().await;
        result.inspect_err(|_| eprintln!("^ on {host}"))
    };
    let (vercel, lambda) = run(async { tokio::join!(on(Host::Vercel), on(Host::Lambda)) });
    if let Err(panic) = vercel.and(lambda) {
        resume_unwind(panic);
    }
}

/// A migrated database on the server that all tests of this process share.
async fn fresh_database() -> Database {
    let server = postgres::shared().await.expect("a server");
    let migrations = workspace().join("migrations");
    server
        .fresh_database(&migrations)
        .await
        .expect("a database")
}

/// With `SUITE_POOLER` set, PgBouncer in transaction mode stands between all functions and their
/// database, with a pool of four connections to each.
async fn pooler() -> Option<&'static Pooler> {
    static POOLER: OnceCell<Pooler> = OnceCell::const_new();
    std::env::var_os("SUITE_POOLER")?;
    let start = || async {
        let server = postgres::shared().await.expect("a server");
        let settings = PoolerSettings {
            folder: workspace().join(".dev/test-pgbouncer"),
            port: None,
            pool_size: 4,
        };
        Pooler::start(server, settings).await.expect("a pooler")
    };
    Some(POOLER.get_or_init(start).await)
}

/// A host's functions, built once per process.
async fn built(host: Host) -> BuiltFunctions {
    static VERCEL: OnceCell<BuiltFunctions> = OnceCell::const_new();
    static LAMBDA: OnceCell<BuiltFunctions> = OnceCell::const_new();
    let cell = match host {
        Host::Vercel => &VERCEL,
        Host::Lambda => &LAMBDA,
    };
    let build = || async move {
        let built = tokio::task::spawn_blocking(move || functions::build(host, Profile::Dev));
        built
            .await
            .expect("a build")
            .expect("functions that compile")
    };
    cell.get_or_init(build).await.clone()
}

/// The folder of all logs of test runs; old ones are deleted at the first call.
fn logs() -> &'static PathBuf {
    static LOGS: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = workspace().join(".dev/logs/black-box");
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            if age.is_ok_and(|age| age > LOGS_KEPT) {
                // Another run may be deleting it as well.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        folder
    });
    &LOGS
}
