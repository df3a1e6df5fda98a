//! Beside the peers: the same turns, the same questions and the same vectors for ours, for LangGraph's
//! `PostgresStore`, for Mem0 and for bare SQL, over one Postgres, call by call in turns.
//!
//! ```text
//! talk -> what is said and asked;  contender -> what each side can do
//! ours, python (peers.py, packages), bare -> the sides
//! measure -> the rounds;  report -> tables and bars
//! ```

mod bare;
mod contender;
mod embedder;
mod measure;
mod ours;
mod packages;
mod python;
mod report;
mod talk;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use devstack::embedder::minilm;
use devstack::functions::{Host, Profile, build};
use devstack::postgres::{Cluster, Database};
use devstack::qstash::faults::NoFaults;
use devstack::stack::{EmbedderChoice, Stack, StackSettings, workspace};
use serde_json::Value;
use tokio::runtime::Handle;
use uuid::Uuid;

use self::bare::Bare;
use self::contender::Contender;
use self::embedder::Vectors;
use self::measure::Measured;
use self::ours::Ours;
use self::python::{Python, Surroundings};
use self::talk::Talk;
use super::table::Report;
use super::{blocking, built, database};
use crate::Error;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Conversations in LoCoMo's JSON format, a user each: what recall is judged by
    #[arg(long)]
    data: Option<PathBuf>,
    /// Users in all; those beyond the data say made-up words
    #[arg(long, default_value_t = 10)]
    users: usize,
    /// Turns of each user beyond the data
    #[arg(long, default_value_t = 100)]
    turns: usize,
    /// Functions of the development profile: soon built, and no result
    #[arg(long)]
    unoptimised: bool,
}

/// Measures and prints: the tables, and with `json` a last line of JSON.
pub(super) async fn run(arguments: &Arguments, json: bool) -> Result<(), Error> {
    let talk = Talk::new(arguments.data.as_deref(), arguments.users, arguments.turns)?;
    let unoptimised = arguments.unoptimised;
    let functions = blocking(move || match unoptimised {
        true => Ok(build(Host::Vercel, Profile::Dev)?),
        false => built::functions(Host::Vercel, &["turns", "context", "jobs"]),
    })
    .await?;
    let packages = blocking(packages::installed).await?;
    let minilm = minilm::start(minilm::Settings {
        workspace: workspace().to_owned(),
        port: None,
        api_key: None,
    })
    .await?;
    let embedder = format!("{}/v1", minilm.url());
    let embeddings = format!("{embedder}/embeddings");
    let vectors = embedder::vectors(&embeddings, &talk).await?;

    let (server, _) = database::start(None).await?;
    let ours = server
        .fresh_database(&workspace().join("migrations"))
        .await?;
    let mut theirs = Vec::new();
    for name in ["langgraph", "mem0", "bare"] {
        theirs.push(empty(&server, name).await?);
    }
    let env = [
        ("EMBEDDINGS_URL", embeddings),
        ("EMBEDDINGS_MODEL", minilm::NAME.to_owned()),
        ("EMBEDDINGS_DIMENSIONS", minilm::DIMENSIONS.to_string()),
    ];
    let stack = Stack::start(StackSettings {
        functions,
        port: None,
        database_url: ours.function_url(),
        database_ca: None,
        jwt_secret: Uuid::new_v4().to_string(),
        embedder: EmbedderChoice::None,
        qstash_time_scale: 1.0,
        qstash_faults: Arc::new(NoFaults),
        redis: false,
        mem0: false,
        sweeps: false,
        log_dir: workspace().join(".dev/bench/peers/logs"),
        env: BTreeMap::from(env.map(|(name, value)| (name.to_owned(), value))),
    })
    .await?;
    let around = Surroundings {
        packages,
        embedder_url: embedder,
        folder: workspace().join(format!(".dev/bench/peers/{}", Uuid::new_v4().simple())),
    };
    let databases: Vec<Database> = std::iter::once(ours).chain(theirs).collect();
    let folder = around.folder.clone();
    let runtime = Handle::current();
    let (stack, databases, measured) = blocking(move || {
        let measured = measure_all(&stack, &talk, &databases, &around, vectors, &runtime);
        Ok((stack, databases, measured))
    })
    .await?;
    stack.stop().await;
    minilm.stop().await?;
    for database in databases {
        database.drop().await?;
    }
    server.stop();
    let measured = measured?;
    std::fs::remove_dir_all(folder)?;

    let report = Report {
        tables: report::tables(&measured),
        notes: report::notes(!unoptimised),
    };
    print(&report, json.then(|| report::line(&measured, &report)))
}

fn print(report: &Report, line: Option<Value>) -> Result<(), Error> {
    print!("{report}");
    if let Some(line) = line {
        println!("{line}");
    }
    if report.passed() {
        Ok(())
    } else {
        Err("a bar was missed".into())
    }
}

/// `databases` are ours, LangGraph's, Mem0's and the bare one.
fn measure_all(
    stack: &Stack,
    talk: &Talk,
    databases: &[Database],
    around: &Surroundings,
    vectors: Vectors,
    runtime: &Handle,
) -> Result<Vec<Measured>, Error> {
    let users: Vec<Uuid> = talk.users.iter().map(|user| user.id).collect();
    let url = |place: usize| databases[place].url();
    let mut contenders: Vec<Box<dyn Contender + '_>> = vec![
        Box::new(Ours::new(stack, talk, runtime.clone())?),
        Box::new(Python::start(
            "langgraph",
            "LangGraph's PostgresStore",
            &url(report::LANGGRAPH),
            &users,
            around,
        )?),
        Box::new(Python::start(
            "mem0",
            "Mem0, infer=False, pgvector",
            &url(report::MEM0),
            &users,
            around,
        )?),
        Box::new(Bare::start(&url(report::BARE), &users, vectors)?),
    ];
    let mut measured = measure::record(&mut contenders, talk)?;
    runtime.block_on(async {
        for database in databases {
            let admin = database.admin().await?;
            admin.batch_execute("vacuum analyze").await?;
        }
        Ok::<_, Error>(())
    })?;
    measure::search(&mut contenders, talk, &mut measured)?;
    Ok(measured)
}

/// An empty database that no other run has.
async fn empty(server: &Cluster, name: &str) -> Result<Database, Error> {
    let name = format!("peers_{name}_{}", Uuid::new_v4().simple());
    Ok(server.create_database(&name).await?)
}
