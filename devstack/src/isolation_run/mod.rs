//! Two users with the same ids everywhere, who do everything at once, and of whom neither may meet the other.
//!
//! Two deployments, one on each host, share a database, a Mem0 and a Redis. Both users go through random
//! operations on every endpoint at the same time, while deliveries and sweeps run. Each answer is searched for
//! what is the other's, and held against a model of what the user has. In the end tables, queues and Mem0 are.
//!
//! Without our own filters the same has to hold: then row level security is all that stands between the two.
//!
//! ```text
//! operations -> what a user does, and what must come of it;  looks -> what is read;  memory -> what there must be
//! caller     -> requests, and the search of every answer
//! filters    -> SQL without our filters;  line -> the functions' own statements lose theirs on the way
//! verdict    -> what stands where in the end
//! ```

mod caller;
pub mod filters;
mod line;
mod looks;
mod memory;
mod operations;
mod parts;
mod verdict;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use serde::Serialize;
use uuid::Builder;

use self::{
    caller::{Caller, Door, Finding},
    memory::Memory,
    operations::Walk,
    parts::Parts,
    verdict::Person,
};
use crate::stack::{Error, tokens};

/// Between two sweeps of the clock that stands for QStash's schedule and pg_cron's.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Decides who does what.
    pub seed: u64,
    /// Operations of both users together.
    pub steps: usize,
    /// Takes our own filters on the user out of every statement and of every function that runs with its
    /// caller's rights.
    pub without_filters: bool,
    /// With PgBouncer in transaction mode between the functions and the database.
    pub pooled: bool,
    /// What an administrator does to the database first: how a test sees that a fallen wall is noticed.
    pub sabotage: Option<String>,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub enum Progress {
    /// The stack is being started.
    Starting,
    /// So many operations are done.
    Stepped(usize),
}

/// A run's outcome.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Operations that were done.
    pub steps: usize,
    /// Of each kind.
    pub operations: BTreeMap<&'static str, u64>,
    /// How the users asked.
    pub ways: BTreeMap<&'static str, u64>,
    /// What one user had of the other.
    pub crossings: Vec<String>,
    /// What a user did not have of their own, or got otherwise than it was.
    pub wrong: Vec<String>,
    /// Filters that were taken out of the database's functions.
    pub removed_from_functions: usize,
    /// The same of the statements that our own code sends.
    pub removed_from_statements: usize,
    /// Functions and statements that cannot be had without their filters, with the reason.
    pub not_unfiltered: Vec<String>,
    /// How long the operations took.
    pub seconds: f64,
}

impl Report {
    /// Whether each user had all of their own and nothing else.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let Self {
            crossings,
            wrong,
            not_unfiltered,
            ..
        } = self;
        crossings.is_empty() && wrong.is_empty() && not_unfiltered.is_empty()
    }
}

/// Runs it. The functions are built first, with cargo.
///
/// # Errors
/// When the parts cannot be had or do not answer; what is found is not an error.
pub async fn run(settings: Settings, progress: impl Fn(Progress)) -> Result<Report, Error> {
    progress(Progress::Starting);
    let parts = Parts::start(&settings).await?;
    let doors = Arc::new(parts.doors());
    let mut random = Rng::with_seed(settings.seed);
    let mut user = || Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid();
    let people = ["annquokka", "benwombat"].map(|mark| Person {
        user: user(),
        mark: mark.to_owned(),
    });
    let [ann, ben] = &people;
    let mut walks = [(ann, ben), (ben, ann)].map(|(one, other)| Walk {
        random: Rng::with_seed(settings.seed ^ one.user.as_u64_pair().0),
        caller: Caller {
            user: one.user,
            other: other.user,
            foreign: memory::own(other.user, &other.mark),
            doors: Arc::clone(&doors),
            http: reqwest::Client::new(),
            jwt_secret: parts::JWT_SECRET.to_owned(),
            ways: BTreeMap::new(),
        },
        memory: Memory::new(one.mark.clone()),
    });

    let start = Instant::now();
    let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let stepped = || progress(Progress::Stepped(done.fetch_add(1, Ordering::Relaxed) + 1));
    let mut report = Report::default();
    let each = settings.steps / 2;
    let [one, other] = &mut walks;
    let traffic = async {
        tokio::join!(
            go(one, each, &over, &stepped),
            go(other, each, &over, &stepped)
        )
    };
    let (one, other) = tokio::select! {
        both = traffic => both,
        error = sweep_again_and_again(&doors) => return Err(error),
    };
    report.seconds = start.elapsed().as_secs_f64();
    report.steps = done.load(Ordering::Relaxed);
    for (operations, finding) in [one, other] {
        for (operation, times) in operations {
            *report.operations.entry(operation).or_default() += times;
        }
        match finding {
            None => {}
            Some((what, Finding::Crossing(text))) => {
                report.crossings.push(format!("{what}: {text}"))
            }
            Some((what, Finding::Wrong(text))) => report.wrong.push(format!("{what}: {text}")),
            Some((what, Finding::Broken(text))) => return Err(format!("{what}: {text}").into()),
        }
    }
    for walk in &walks {
        for (way, times) in &walk.caller.ways {
            *report.ways.entry(way).or_default() += times;
        }
    }
    report
        .crossings
        .extend(verdict::crossings(&parts, &people).await?);
    tell_of_filters(&parts, &mut report);
    parts.stop(report.is_good()).await;
    Ok(report)
}

/// One user's operations, until one is answered wrongly, of this user or the other.
async fn go(
    walk: &mut Walk,
    steps: usize,
    over: &AtomicBool,
    stepped: &impl Fn(),
) -> (BTreeMap<&'static str, u64>, Option<(String, Finding)>) {
    let mut operations = BTreeMap::new();
    for step in 0..steps {
        if over.load(Ordering::Relaxed) {
            return (operations, None);
        }
        let (operation, done) = walk.step().await;
        *operations.entry(operation).or_default() += 1;
        stepped();
        if let Err(finding) = done {
            over.store(true, Ordering::Relaxed);
            let what = format!("{}, step {step}, {operation}", walk.memory.mark);
            return (operations, Some((what, finding)));
        }
    }
    let finding = walk.look_at_everything().await.err();
    let what = format!("{}, in the end", walk.memory.mark);
    (operations, finding.map(|finding| (what, finding)))
}

/// The clock.
async fn sweep_again_and_again(doors: &[Door]) -> Error {
    let http = reqwest::Client::new();
    for door in doors.iter().cycle() {
        tokio::time::sleep(SWEEP_EVERY).await;
        let token = match tokens::mint(parts::JWT_SECRET, None, tokens::SERVICE, tokens::HOUR) {
            Ok(token) => token,
            Err(error) => return error,
        };
        let url = format!("{}/api/jobs/sweep", door.url);
        // One that is late is not what this run looks at.
        let _ = http.post(url).bearer_auth(token).body("{}").send().await;
    }
    "no deployment to sweep".into()
}

fn tell_of_filters(parts: &Parts, report: &mut Report) {
    let statements = parts.line.as_ref().map(line::Line::statements);
    let statements = statements.unwrap_or_default();
    let functions = parts.stripped.iter();
    let functions = functions.map(|stripped| (&stripped.name, &stripped.body));
    report.removed_from_functions = functions.clone().map(|(_, body)| body.removed).sum();
    report.removed_from_statements = statements.values().map(|body| body.removed).sum();
    for (name, unfiltered) in functions.chain(&statements) {
        if let Some(fault) = unfiltered.fault {
            report.not_unfiltered.push(format!("{name} {fault}"));
        }
    }
}
