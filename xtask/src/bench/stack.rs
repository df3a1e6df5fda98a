//! The stack that the benchmarks ask: as in development, with logs of its own.

use std::collections::BTreeMap;

use devstack::functions::BuiltFunctions;
use devstack::postgres::Database;
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};
use uuid::Uuid;

use crate::Error;

/// Starts it over a database.
pub(super) async fn over(database: &Database, functions: BuiltFunctions) -> Result<Stack, Error> {
    Stack::start(StackSettings {
        functions,
        port: None,
        database_url: database.function_url(),
        database_ca: None,
        jwt_secret: Uuid::new_v4().to_string(),
        embedder: EmbedderChoice::Lexical,
        qstash_time_scale: 1.0,
        qstash_faults: std::sync::Arc::new(devstack::qstash::faults::NoFaults),
        redis: false,
        mem0: false,
        sweeps: false,
        log_dir: workspace().join(".dev/bench/logs"),
        env: BTreeMap::new(),
    })
    .await
}
