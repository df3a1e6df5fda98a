//! How late a context is when what it asks hangs, refuses or trickles, by the function's own clock.
//!
//! Each query is new, so nothing of it is kept. Requests are spread over the troubles, and some are under way at once.

mod scene;
mod troubles;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use devstack::functions::{Host, Profile, build};
use devstack::postgres;
use devstack::stack::workspace;

use self::scene::{Answered, Asker, Scene};
use self::troubles::{ALL, NONE, Troubles};
use super::samples::Samples;
use super::table::{Cell, Report, Table};
use super::{blocking, built, progress};
use crate::Error;

/// Milliseconds after the deadline that an answer may come.
const BAR: f64 = 20.0;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Requests, over all troubles
    #[arg(long, default_value_t = 1000)]
    requests: usize,
    /// Milliseconds
    #[arg(long, default_value_t = 250)]
    deadline: u32,
    /// Requests under way at once (Lambda: 1)
    #[arg(long, default_value_t = 2)]
    at_once: usize,
    /// Whose functions: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// The function as it is deployed, which takes minutes to build, instead of a development build
    #[arg(long)]
    release: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let (host, release) = (arguments.host, arguments.release);
    let functions = blocking(move || match release {
        true => built::functions(host, &["context"]),
        false => Ok(build(host, Profile::Dev)?),
    })
    .await?;
    let server = postgres::shared().await?;
    let migrations = workspace().join("migrations");
    let database = server.fresh_database(&migrations).await?;
    let scene = Scene::start(&database, host, functions).await?;
    let report = measure(&scene, arguments).await;
    scene.stop().await;
    database.drop().await?;
    report
}

async fn measure(scene: &Scene, arguments: &Arguments) -> Result<Report, Error> {
    let each = arguments.requests.div_ceil(ALL.len());
    let bar = progress(ALL.len(), "troubles")?;
    let mut table = Table::new(
        format!(
            "POST /api/context, deadlineMs {}, {} requests on {}",
            arguments.deadline,
            each * ALL.len(),
            arguments.host
        ),
        [
            "trouble",
            "requests",
            "p50",
            "p99",
            "late p99.9",
            "seen p99.9",
            "with items",
            "degraded",
            "kept",
        ],
    );
    let mut all = Vec::new();
    let mut before = NONE;
    for troubles in ALL {
        scene.trouble(before, troubles).await?;
        before = troubles;
        let answers = ask(scene, arguments, each).await?;
        row(
            &mut table,
            troubles.name,
            &answers,
            arguments.deadline,
            Some(troubles),
        );
        all.extend(answers);
        bar.inc(1);
    }
    scene.trouble(before, NONE).await?;
    row(&mut table, "all", &all, arguments.deadline, None);
    bar.finish_and_clear();
    Ok(Report {
        tables: vec![table],
        notes: vec![
            format!(
                "Late: after the deadline, by the function's own clock; of all requests the bar is {BAR} ms. Seen: the caller's clock."
            ),
            "With items: of the requests that the database could answer, all must have some."
                .to_owned(),
            format!("Load: {}", load()),
        ],
    })
}

/// Asks so often, and some of it at once.
async fn ask(
    scene: &Scene,
    arguments: &Arguments,
    requests: usize,
) -> Result<Vec<Answered>, Error> {
    // An instance of Lambda has one event at a time.
    let at_once = match arguments.host {
        Host::Vercel => arguments.at_once.max(1),
        Host::Lambda => 1,
    };
    let askers: Result<Vec<Asker>, Error> = (0..at_once).map(|_| scene.asker()).collect();
    let (askers, deadline) = (askers?, arguments.deadline);
    blocking(move || {
        let (asked, answers) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = |mut asker: Asker| -> Result<(), Error> {
            while asked.fetch_add(1, Ordering::Relaxed) < requests {
                let answer = asker.ask(deadline)?;
                let answers = answers.lock();
                answers.map_err(|_| "a thread failed")?.push(answer);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = askers
                .into_iter()
                .map(|asker| scope.spawn(|| work(asker).map_err(|error| error.to_string())))
                .collect();
            for thread in threads {
                thread.join().map_err(|_| "a thread failed")??;
            }
            Ok::<(), Error>(())
        })?;
        Ok(answers.into_inner().map_err(|_| "a thread failed")?)
    })
    .await
}

/// A line of the table; without troubles of its own it is about all of them.
fn row(
    table: &mut Table,
    name: &str,
    answers: &[Answered],
    deadline: u32,
    troubles: Option<Troubles>,
) {
    let (mut told, mut seen) = (Samples::default(), Samples::default());
    for answer in answers {
        told.push(answer.told);
        seen.push(answer.seen);
    }
    let late = |samples: &Samples| samples.per_mille(999) - f64::from(deadline);
    let share = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
    // Where the database hangs there is nothing to find, and 503 is the right answer.
    let found = answers.iter().filter(|answer| answer.items > 0).count();
    let (could_find, complete) = match troubles {
        Some(troubles) if troubles.database_hangs => (Cell::Empty, found == 0),
        Some(_) => (
            Cell::Percent(share(found, answers.len())),
            found == answers.len(),
        ),
        None => (Cell::Empty, true),
    };
    let degraded = answers.iter().filter(|answer| !answer.degraded.is_empty());
    table.row([
        name.into(),
        Cell::Count(i64::try_from(answers.len()).unwrap_or(i64::MAX)),
        Cell::Milliseconds(told.median()),
        Cell::Milliseconds(told.percentile(99)),
        Cell::Milliseconds(late(&told)),
        Cell::Milliseconds(late(&seen)),
        could_find,
        Cell::Percent(share(degraded.count(), answers.len())),
        // Of a few dozen requests the latest is one that waited for the processor.
        Cell::Kept(complete && (troubles.is_some() || late(&told) <= BAR)),
    ]);
}

/// Of the machine, the last minute's; who reads the figures has to know it.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let minute = load.split(' ').next().unwrap_or("unknown");
    format!("{minute} on {processors} processors")
}
