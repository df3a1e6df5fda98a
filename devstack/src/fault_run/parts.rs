//! What a run needs: a Postgres of its own behind a line that can be cut, two deployments, and the providers.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use uuid::Uuid;

use super::{Settings, chance::Chance, plan::POISON, traffic::Door};
use crate::{
    delay_proxy::{DelayProxy, Mode},
    functions::{self, Functions, Host, Profile},
    mem0,
    postgres::{self, Database, Server, ServerSettings},
    redis,
    stack::{EmbedderChoice, Error, Stack, StackSettings, workspace},
};

/// How much faster than real time QStash's waits pass.
const TIME_SCALE: f64 = 0.01;

/// The share of the providers' answers that are failures.
const FAILING: f64 = 0.2;

/// How long Mem0 works at a turn.
const MEM0_TAKES: Duration = Duration::from_millis(150);

const JWT_SECRET: &str = "what signs the access tokens of a run";

/// Everything that runs.
pub(super) struct Parts {
    pub(super) chance: Arc<Chance>,
    pub(super) database: Database,
    pub(super) mem0: mem0::Mem0,
    pub(super) breakables: Breakables,
    stacks: Vec<Stack>,
    folder: PathBuf,
}

/// What can be broken from outside.
pub(super) struct Breakables {
    pub(super) functions: Vec<Arc<Functions>>,
    pub(super) line: DelayProxy,
    pub(super) redis: Option<redis::Redis>,
    /// Nothing while it is being restarted.
    server: Option<Server>,
    data_dir: PathBuf,
    port: u16,
}

impl Parts {
    pub(super) async fn start(settings: &Settings) -> Result<Self, Error> {
        let mut built = Vec::new();
        for host in Host::ALL {
            let build = tokio::task::spawn_blocking(move || functions::build(host, Profile::Dev));
            built.push(build.await??);
        }
        let run = Uuid::new_v4().simple();
        let folder = workspace().join(format!(".dev/fault-runs/{run}"));
        let data_dir = folder.join("postgres");
        let server = server(&data_dir, None).await?;
        let database = server
            .fresh_database(&workspace().join("migrations"))
            .await?;
        // Nobody waits for anybody: the sweeper may have each job at once, beside QStash.
        let name = database.name();
        let impatient = format!("alter database \"{name}\" set memories.job_patience = '0'");
        database.admin().await?.batch_execute(&impatient).await?;

        let port = server.port();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let line = DelayProxy::start(target, Duration::ZERO).await?;
        let mem0 = mem0::Mem0::start(mem0::Settings {
            delay: MEM0_TAKES,
            ..mem0::Settings::default()
        })
        .await?;
        mem0.faults().fail_at_random(FAILING, settings.seed);
        let redis = match redis::Redis::start(redis::Settings::default()).await {
            Ok(redis) => Some(redis),
            Err(missing) => {
                crate::skipped(&format!("Redis in the fault run: {missing}"));
                None
            }
        };
        let chance = Arc::new(Chance::new(settings.seed, !settings.qstash));

        // The seed says which of Mem0's two APIs: one works later, the other while it is waited for.
        let api = ["platform", "server"][usize::from(settings.seed % 2 == 1)];
        let mut stacks = Vec::new();
        for built in built {
            let mut env = std::collections::BTreeMap::from([
                ("MEM0_URL".to_owned(), mem0.url().to_owned()),
                ("MEM0_API".to_owned(), api.to_owned()),
                ("MEM0_API_KEY".to_owned(), mem0.api_key().to_owned()),
                // A dozen failures in a row are no accident.
                ("MEMORY_JOB_ATTEMPTS".to_owned(), "12".to_owned()),
                ("MEMORY_JOB_SECONDS".to_owned(), "2".to_owned()),
                ("MEMORY_SWEEP_SECONDS".to_owned(), "5".to_owned()),
            ]);
            if let Some(redis) = &redis {
                env.insert("UPSTASH_REDIS_REST_URL".to_owned(), redis.url().to_owned());
                env.insert(
                    "UPSTASH_REDIS_REST_TOKEN".to_owned(),
                    redis.token().to_owned(),
                );
            }
            let stack = Stack::start(StackSettings {
                functions: built,
                port: None,
                database_url: database.function_url_at(line.port()),
                database_ca: None,
                jwt_secret: JWT_SECRET.to_owned(),
                embedder: EmbedderChoice::Lexical,
                qstash_time_scale: TIME_SCALE,
                qstash_faults: Arc::clone(&chance) as _,
                redis: false,
                mem0: false,
                sweeps: false,
                log_dir: folder.join("logs"),
                env,
            })
            .await?;
            if let Some(embedder) = &stack.embedder {
                embedder.fail_at_random(FAILING, settings.seed);
                embedder.choke_on(POISON, axum::http::StatusCode::INTERNAL_SERVER_ERROR);
            }
            stacks.push(stack);
        }
        let functions = stacks.iter().map(|stack| Arc::clone(&stack.functions));
        Ok(Self {
            chance,
            database,
            mem0,
            breakables: Breakables {
                functions: functions.collect(),
                line,
                redis,
                server: Some(server),
                data_dir,
                port,
            },
            stacks,
            folder,
        })
    }

    /// The way in.
    pub(super) fn door(&self) -> Door {
        Door {
            urls: Arc::new(self.stacks.iter().map(|stack| stack.url.clone()).collect()),
            jwt_secret: JWT_SECRET.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// Ends all trouble, but for a QStash that is gone and texts that nobody can embed.
    pub(super) async fn mend(&mut self) -> Result<(), Error> {
        self.chance.mend();
        self.mem0.faults().fail_at_random(0.0, 0);
        for stack in &self.stacks {
            if let Some(embedder) = &stack.embedder {
                embedder.fail_at_random(0.0, 0);
            }
        }
        self.breakables.mend().await
    }

    /// Turns and adapters that still wait.
    pub(super) async fn pending(&self) -> Result<i64, Error> {
        let query = "select count(*) from memories.adapter_syncs where state = 'pending'";
        Ok(self
            .database
            .admin()
            .await?
            .query_one(query, &[])
            .await?
            .get(0))
    }

    pub(super) async fn stop(self) {
        for stack in self.stacks {
            stack.stop().await;
        }
        if let Some(server) = self.breakables.server {
            server.stop();
        }
        // What cannot be deleted is a few megabytes below `.dev`.
        let _ = postgres::erase(&self.breakables.data_dir);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Breakables {
    /// Stops Postgres, ending every connection, and starts it again in the same place.
    pub(super) async fn restart_postgres(&mut self) -> Result<(), Error> {
        if let Some(server) = self.server.take() {
            tokio::task::spawn_blocking(move || server.stop()).await?;
        }
        self.server = Some(server(&self.data_dir, Some(self.port)).await?);
        Ok(())
    }

    async fn mend(&mut self) -> Result<(), Error> {
        self.line.set_mode(Mode::Forward);
        if let Some(redis) = &self.redis {
            redis.faults().set(redis::Fault::None);
        }
        if self.server.is_none() {
            self.restart_postgres().await?;
        }
        // What hung on the line hangs no longer.
        self.line.cut();
        Ok(())
    }
}

async fn server(data_dir: &std::path::Path, port: Option<u16>) -> Result<Server, Error> {
    let cache = workspace().join(".dev/cache");
    let installation = tokio::task::spawn_blocking(move || postgres::install(&cache)).await??;
    Ok(Server::start(ServerSettings {
        installation,
        data_dir: data_dir.to_owned(),
        port,
        tls: None,
        fast: true,
    })
    .await?)
}
