//! Everything together: QStash, the embedder, the functions and their router, over a database that
//! the caller brings.

mod settings;
pub mod tokens;

pub use settings::{EmbedderChoice, StackSettings};

pub use crate::workspace;

use std::{collections::BTreeMap, net::TcpListener, sync::Arc, time::Duration};

use memory_orchestrator::{
    adapters::{http::Outbound, upstash::qstash::QStash},
    config,
    domain::{deadline::Deadline, job::JobAdapter},
    endpoints::{self, Route},
};

use crate::{
    embedder,
    functions::{Functions, SpawnSettings},
    qstash::{Qstash, Settings as QstashSettings},
    router::{Router, RouterSettings},
};

/// The URL group that the functions publish to.
const TOPIC: &str = "memory.sync";

/// What went wrong while starting, as a text for a person.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// A running stack. Dropped, it ends; the database is the caller's.
pub struct Stack {
    /// Where the functions are reached: `http://127.0.0.1:<port>`.
    pub url: String,
    /// Signs and checks access tokens (HS256).
    pub jwt_secret: String,
    /// The local QStash.
    pub qstash: Qstash,
    /// The local embedder, when it is the lexical one.
    pub embedder: Option<embedder::Embedder>,
    /// The functions' processes.
    pub functions: Arc<Functions>,
    router: Router,
    minilm: Option<embedder::minilm::MiniLm>,
}

impl Stack {
    /// Starts the parts in the order in which they need each other.
    ///
    /// # Errors
    /// When a port is taken, a function does not start, or QStash cannot be told about us.
    pub async fn start(settings: StackSettings) -> Result<Self, Error> {
        let port = match settings.port {
            Some(port) => port,
            None => TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port(),
        };
        let url = format!("http://127.0.0.1:{port}");
        let qstash = Qstash::start(QstashSettings {
            time_scale: settings.qstash_time_scale,
            faults: settings.qstash_faults,
            ..QstashSettings::default()
        })
        .await?;

        let mut env = BTreeMap::new();
        let (mut embedder, mut minilm) = (None, None);
        let model = match settings.embedder {
            EmbedderChoice::None => None,
            EmbedderChoice::Lexical => {
                let started = embedder::Embedder::start(embedder::Settings::default())?;
                let model = (started.url().to_owned(), embedder::lexical::NAME);
                embedder = Some(started);
                Some(model)
            }
            EmbedderChoice::MiniLm => {
                let started = embedder::minilm::start(embedder::minilm::Settings {
                    workspace: workspace().to_owned(),
                    port: None,
                    api_key: None,
                })
                .await?;
                let model = (started.url().to_owned(), embedder::minilm::NAME);
                minilm = Some(started);
                Some(model)
            }
        };
        if let Some((base, model)) = model {
            env.insert("EMBEDDINGS_URL".to_owned(), format!("{base}/v1/embeddings"));
            env.insert("EMBEDDINGS_MODEL".to_owned(), model.to_owned());
            env.insert("EMBEDDINGS_DIMENSIONS".to_owned(), "384".to_owned());
        }
        let keys = qstash.signing_keys();
        for (name, value) in [
            ("DATABASE_URL", settings.database_url.as_str()),
            ("SUPABASE_JWT_SECRET", &settings.jwt_secret),
            ("MEMORY_PUBLIC_URL", &url),
            ("QSTASH_URL", qstash.url()),
            ("QSTASH_TOKEN", qstash.token()),
            ("QSTASH_CURRENT_SIGNING_KEY", &keys.current),
            ("QSTASH_NEXT_SIGNING_KEY", &keys.next),
        ] {
            env.insert(name.to_owned(), value.to_owned());
        }
        if let Some(pem) = settings.database_ca {
            env.insert("DATABASE_CA_PEM".to_owned(), pem);
        }
        env.extend(settings.env);

        let built = settings.functions;
        let spawn = SpawnSettings {
            env,
            log_dir: settings.log_dir,
            ..SpawnSettings::default()
        };
        let functions =
            tokio::task::spawn_blocking(move || Functions::spawn(&built, &routes(), &spawn));
        let functions = Arc::new(functions.await??);
        let router = Router::start(RouterSettings {
            port: Some(port),
            routes: routes(),
            functions: Arc::clone(&functions),
            public: workspace().join("public"),
        })?;
        subscribe(&qstash, &url).await?;
        Ok(Self {
            url,
            jwt_secret: settings.jwt_secret,
            qstash,
            embedder,
            functions,
            router,
            minilm,
        })
    }

    /// A user's token, good for an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn user_token(&self, user: uuid::Uuid) -> Result<String, Error> {
        tokens::mint(&self.jwt_secret, Some(user), tokens::USER, tokens::HOUR)
    }

    /// The service role's token, good for an hour.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn service_token(&self) -> Result<String, Error> {
        tokens::mint(&self.jwt_secret, None, tokens::SERVICE, tokens::HOUR)
    }

    /// Stops everything, letting what is under way end.
    pub async fn stop(self) {
        self.qstash.stop().await;
        self.router.stop();
        let functions = self.functions;
        // Only a panic in it could be reported here.
        let _ = tokio::task::spawn_blocking(move || functions.stop()).await;
        if let Some(minilm) = self.minilm {
            let _ = minilm.stop().await;
        }
    }
}

/// The endpoints as the router and the processes know them.
#[must_use]
pub fn routes() -> Vec<Route> {
    endpoints::ALL
        .iter()
        .map(|endpoint| endpoint.route)
        .collect()
}

/// Makes the jobs' endpoints members of the topic, with the service's own client.
async fn subscribe(qstash: &Qstash, url: &str) -> Result<(), Error> {
    let config = config::QStash {
        url: qstash.url().to_owned(),
        token: Some(config::Secret::new(qstash.token())),
        topic: TOPIC.to_owned(),
        retries: 3,
        user_parallelism: 4,
        backfill_rate: 30,
        signing_keys: Vec::new(),
    };
    let client = QStash::new(config, url, Arc::new(Outbound::new(None)));
    let jobs = JobAdapter::ALL.map(|adapter| format!("{url}/api/jobs/{}", adapter.name()));
    Ok(client
        .subscribe(
            &jobs.each_ref().map(String::as_str),
            Deadline::after(Duration::from_secs(5)),
        )
        .await?)
}
