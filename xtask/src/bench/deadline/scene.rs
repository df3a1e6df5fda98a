//! A service whose every part can be made to fail, and somebody with memories.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use devstack::delay_proxy::DelayProxy;
use devstack::functions::{BuiltFunctions, Host};
use devstack::postgres::Database;
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::troubles::Troubles;
use crate::Error;
use crate::bench::client::{Answer, Connection, Request};
use crate::bench::{blocking, function};

/// Turns that can be found.
const TURNS: usize = 200;

/// Of one request.
const BATCH: usize = 50;

/// How long their embedding may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The parts.
pub(super) struct Scene {
    stack: Stack,
    database: DelayProxy,
    user: Uuid,
    host: Host,
}

/// Asks the function, past the router.
pub(super) struct Asker {
    connection: Connection,
    token: String,
    host: Host,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answered {
    /// Milliseconds, by the function's clock.
    pub(super) told: f64,
    /// The same by the caller's.
    pub(super) seen: f64,
    pub(super) status: u16,
    pub(super) items: usize,
    pub(super) degraded: Vec<String>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    items: Vec<Value>,
    #[serde(default)]
    degraded: Vec<String>,
}

impl Scene {
    /// Starts it over a new database, with turns that are embedded.
    pub(super) async fn start(
        database: &Database,
        host: Host,
        functions: BuiltFunctions,
    ) -> Result<Self, Error> {
        let server = SocketAddr::from(([127, 0, 0, 1], database.cluster().port()));
        let proxy = DelayProxy::start(server, Duration::ZERO).await?;
        let limits = "context=sliding:1000000/1d".to_owned();
        let stack = Stack::start(StackSettings {
            functions,
            port: None,
            database_url: database.function_url_at(proxy.port()),
            database_ca: None,
            jwt_secret: Uuid::new_v4().to_string(),
            embedder: EmbedderChoice::Lexical,
            qstash_time_scale: 0.02,
            qstash_faults: std::sync::Arc::new(devstack::qstash::faults::NoFaults),
            redis: true,
            mem0: true,
            sweeps: false,
            log_dir: workspace().join(".dev/bench/logs"),
            env: [("MEMORY_LIMITS".to_owned(), limits)].into(),
        })
        .await?;
        let scene = Self {
            stack,
            database: proxy,
            user: Uuid::new_v4(),
            host,
        };
        scene.record().await?;
        Ok(scene)
    }

    async fn record(&self) -> Result<(), Error> {
        let (url, token) = (self.stack.url.clone(), self.stack.user_token(self.user)?);
        blocking(move || {
            let mut connection = Connection::to(&url)?;
            let numbers: Vec<_> = (0..TURNS).collect();
            for batch in numbers.chunks(BATCH) {
                let turns: Vec<_> = batch.iter().map(|number| turn(*number)).collect();
                let body = json!({ "sessionId": "s", "turns": turns }).to_string();
                let request = Request::new("POST", "/api/turns", Some(&token), &body);
                connection.send(&request)?.expect(&[201])?;
            }
            let body = json!({ "sessionId": "s" }).to_string();
            let sync = Request::new("POST", "/api/sessions/sync", Some(&token), &body);
            let until = Instant::now() + PATIENCE;
            loop {
                let answer = connection.send(&sync)?.expect(&[202])?;
                let answer: Value = serde_json::from_slice(&answer.body)?;
                if answer["pending"] == json!({ "embed": 0, "mem0": 0 }) {
                    return Ok(());
                }
                if Instant::now() > until {
                    return Err(format!("the turns wait still: {answer}").into());
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        })
        .await
    }

    /// Lets this go wrong from now on, once a request has come through where the database had been away.
    pub(super) async fn trouble(&self, before: Troubles, next: Troubles) -> Result<(), Error> {
        super::troubles::NONE.begin(&self.stack, &self.database);
        if before.database_hangs {
            self.database.cut();
        }
        let mut asker = self.asker()?;
        blocking(move || {
            let until = Instant::now() + PATIENCE;
            while asker.ask(5000)?.status != 200 {
                if Instant::now() > until {
                    return Err("no context without trouble".into());
                }
            }
            Ok(())
        })
        .await?;
        next.begin(&self.stack, &self.database);
        Ok(())
    }

    /// Somebody who asks.
    pub(super) fn asker(&self) -> Result<Asker, Error> {
        Ok(Asker {
            connection: Connection::to(&self.stack.functions.url("context")?)?,
            token: self.stack.user_token(self.user)?,
            host: self.host,
        })
    }

    pub(super) async fn stop(self) {
        self.stack.stop().await;
    }
}

impl Asker {
    /// Asks what was never asked before. Blocking.
    pub(super) fn ask(&mut self, deadline: u32) -> Result<Answered, Error> {
        let word = Uuid::new_v4().simple();
        let body =
            json!({ "query": format!("When does ferry 17 leave? {word}"), "deadlineMs": deadline });
        let (token, path) = (Some(self.token.as_str()), "/api/context");
        let request = function::request(self.host, "POST", path, token, &body.to_string());
        let begun = Instant::now();
        let answer: Answer = function::answer(self.host, self.connection.send(&request)?)?;
        let seen = begun.elapsed().as_secs_f64() * 1e3;
        let told = answer.timing.of("total");
        let context: Context = serde_json::from_slice(&answer.body)?;
        Ok(Answered {
            told: told.ok_or("an answer without its time")?,
            seen,
            status: answer.status,
            items: context.items.len(),
            degraded: context.degraded,
        })
    }
}

fn turn(number: usize) -> Value {
    let text = format!("Ferry {number} leaves from pier {} at noon", number % 7);
    json!({ "id": number.to_string(), "role": "user", "content": text })
}
