//! Everything together: QStash, the providers, the functions and their router, over a database that
//! the caller brings.
//!
//! ```text
//! settings -> what is wanted;  providers -> what the functions may ask, and where they find it
//! provision -> what QStash is told of the deployment;  tokens -> for callers;  troubles -> what goes wrong on demand
//! ```

mod providers;
mod provision;
mod settings;
pub mod tokens;
mod troubles;

pub use settings::{EmbedderChoice, StackSettings};
pub use troubles::{Trouble, Troubles};

pub use crate::workspace;

use std::{net::TcpListener, sync::Arc};

use memory_orchestrator::endpoints::{self, Route};

use self::providers::Providers;
use crate::{
    embedder,
    functions::{Functions, SpawnSettings},
    mem0::Mem0,
    qstash::{Qstash, Settings as QstashSettings},
    redis::Redis,
    router::{Router, RouterSettings},
};

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
    /// The cache, when it was asked for and can be had.
    pub redis: Option<Redis>,
    /// Mem0's fake, when it was asked for.
    pub mem0: Option<Mem0>,
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
        // Held from the beginning: the functions are told of it before there is a router to listen.
        let listener = TcpListener::bind(("127.0.0.1", settings.port.unwrap_or(0)))?;
        let url = format!("http://{}", listener.local_addr()?);
        let providers = Providers::start(&settings).await?;
        let qstash = Qstash::start(QstashSettings {
            time_scale: settings.qstash_time_scale,
            faults: settings.qstash_faults,
            ..QstashSettings::default()
        })
        .await?;

        let mut env = providers.env();
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
            listener,
            routes: routes(),
            functions: Arc::clone(&functions),
            public: workspace().join("public"),
        })?;
        provision::provision(&qstash, &url, settings.sweeps).await?;
        Ok(Self {
            url,
            jwt_secret: settings.jwt_secret,
            qstash,
            embedder: providers.embedder,
            redis: providers.redis,
            mem0: providers.mem0,
            functions,
            router,
            minilm: providers.minilm,
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
        if let Some(redis) = self.redis {
            redis.stop().await;
        }
        if let Some(mem0) = self.mem0 {
            mem0.stop().await;
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
