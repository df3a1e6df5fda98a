//! What a run needs: a database, two deployments over it, one on each host, and providers that they share.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tokio::sync::OnceCell;
use uuid::Uuid;

use super::{Settings, caller::Door, filters, filters::Stripped, line::Line};
use crate::{
    functions::{self, BuiltFunctions, Host, Profile},
    mem0,
    postgres::{self, Database, Pooler, PoolerSettings},
    qstash::faults::NoFaults,
    redis,
    stack::{EmbedderChoice, Error, Stack, StackSettings, workspace},
};

/// How much faster than real time QStash's waits pass.
const TIME_SCALE: f64 = 0.01;

/// Few enough that the two users' transactions take turns on the same ones.
const POOLED: u16 = 3;

pub(super) const JWT_SECRET: &str = "what signs the access tokens of a run";

/// Everything that runs.
pub(super) struct Parts {
    pub(super) database: Database,
    pub(super) mem0: mem0::Mem0,
    /// Nothing while our own filters stand.
    pub(super) line: Option<Line>,
    /// The database's functions that lost their filters.
    pub(super) stripped: Vec<Stripped>,
    stacks: Vec<Stack>,
    redis: Option<redis::Redis>,
    pooler: Option<Pooler>,
    folder: PathBuf,
}

impl Parts {
    pub(super) async fn start(settings: &Settings) -> Result<Self, Error> {
        let server = postgres::shared().await?;
        let database = server
            .fresh_database(&workspace().join("migrations"))
            .await?;
        let admin = database.admin().await?;
        let name = database.name();
        // The sweeper takes what is a second late, so that it has its part in the run.
        let impatient = format!("alter database \"{name}\" set memories.job_patience = '1'");
        admin.batch_execute(&impatient).await?;
        let stripped = if settings.without_filters {
            filters::remove_from(&admin).await?
        } else {
            Vec::new()
        };
        if let Some(sabotage) = &settings.sabotage {
            admin.batch_execute(sabotage).await?;
        }

        let run = Uuid::new_v4().simple();
        let folder = workspace().join(format!(".dev/isolation-runs/{run}"));
        let pooler = if settings.pooled {
            let settings = PoolerSettings {
                folder: folder.join("pgbouncer"),
                port: None,
                pool_size: POOLED,
            };
            Some(Pooler::start(server, settings).await?)
        } else {
            None
        };
        let mut port = pooler.as_ref().map_or_else(|| server.port(), Pooler::port);
        let line = if settings.without_filters {
            let line = Line::start(port).await?;
            port = line.port;
            Some(line)
        } else {
            None
        };
        let mem0 = mem0::Mem0::start(mem0::Settings::default()).await?;
        let redis = match redis::Redis::start(redis::Settings::default()).await {
            Ok(redis) => Some(redis),
            Err(missing) => {
                crate::skipped(&format!("Redis in the isolation run: {missing}"));
                None
            }
        };
        let mut env = BTreeMap::from([
            ("MEM0_URL".to_owned(), mem0.url().to_owned()),
            ("MEM0_API_KEY".to_owned(), mem0.api_key().to_owned()),
        ]);
        if let Some(redis) = &redis {
            let (url, token) = (redis.url().to_owned(), redis.token().to_owned());
            env.insert("UPSTASH_REDIS_REST_URL".to_owned(), url);
            env.insert("UPSTASH_REDIS_REST_TOKEN".to_owned(), token);
        }

        let mut stacks = Vec::new();
        for host in Host::ALL {
            let stack = Stack::start(StackSettings {
                functions: built(host).await?,
                port: None,
                database_url: database.function_url_at(port),
                database_ca: None,
                jwt_secret: JWT_SECRET.to_owned(),
                embedder: EmbedderChoice::Lexical,
                qstash_time_scale: TIME_SCALE,
                qstash_faults: Arc::new(NoFaults),
                redis: false,
                mem0: false,
                sweeps: false,
                log_dir: folder.join("logs"),
                env: env.clone(),
            })
            .await?;
            stacks.push(stack);
        }
        Ok(Self {
            database,
            mem0,
            line,
            stripped,
            stacks,
            redis,
            pooler,
            folder,
        })
    }

    /// The ways in.
    pub(super) fn doors(&self) -> Vec<Door> {
        let stacks = self.stacks.iter();
        stacks
            .map(|stack| Door {
                url: stack.url.clone(),
                signing_key: stack.qstash.signing_keys().current,
            })
            .collect()
    }

    /// Stops it all; the logs of a bad run stay.
    pub(super) async fn stop(self, was_good: bool) {
        for stack in self.stacks {
            stack.stop().await;
        }
        self.mem0.stop().await;
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        if let Some(pooler) = self.pooler {
            // Only a panic in it could be reported here.
            let _ = tokio::task::spawn_blocking(move || pooler.stop()).await;
        }
        if was_good {
            // What cannot be deleted is a few megabytes below `.dev`.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A host's functions, built once for all the runs of a process.
async fn built(host: Host) -> Result<BuiltFunctions, Error> {
    static VERCEL: OnceCell<BuiltFunctions> = OnceCell::const_new();
    static LAMBDA: OnceCell<BuiltFunctions> = OnceCell::const_new();
    let cell = match host {
        Host::Vercel => &VERCEL,
        Host::Lambda => &LAMBDA,
    };
    let build = async || {
        let build = tokio::task::spawn_blocking(move || functions::build(host, Profile::Dev));
        Ok::<_, Error>(build.await??)
    };
    cell.get_or_try_init(build).await.cloned()
}
