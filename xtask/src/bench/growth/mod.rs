//! Growth: how long context takes with more turns of one user, and with more users; whether search stays
//! exact among many; and a picture of it.
//!
//! ```text
//! random, words, vectors -> fill: users made up;  scene -> a database of them, and the service over it
//! latency, exact -> what is measured;  report -> tables;  pictures -> docs/growth.svg
//! ```

mod exact;
mod fill;
mod latency;
mod pictures;
mod random;
mod report;
mod scene;
mod vectors;
pub(super) mod words;

use std::path::PathBuf;

use devstack::functions::{BuiltFunctions, Host, Profile, build};
use devstack::postgres::{self, Server};
use indicatif::ProgressBar;

use self::exact::Compared;
use self::latency::Group;
use self::scene::{Asker, Scene};
use super::recall::budgets;
use super::table::Report;
use super::{blocking, built, progress};
use crate::Error;

/// Turns of each user where users grow.
const EACH: u32 = 200;

/// Users of one database each.
const USERS: [u32; 3] = [10, 100, 1000];

/// Turns of one user. The second is one of the many; the last but one is the largest that is searched
/// without an index of their own.
const TURNS: [u32; 5] = [1000, 2000, 10_000, 19_999, 50_000];

/// How many users there are of the second size: 200,000 rows.
const MANY: u32 = 100;

/// Tokens that context is packed into.
const BUDGETS: [u32; 6] = [250, 500, 750, 1000, 1500, 2000];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A tenth of everything: in two minutes one sees that it works
    #[arg(long)]
    quick: bool,
    /// Conversations in LoCoMo's JSON format, for the picture of recall against tokens
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where to write the picture
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Requests of each kind
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Functions of the development profile: soon built, and no result
    #[arg(long)]
    unoptimised: bool,
}

/// All that was measured.
struct Measured {
    /// By users.
    users: Vec<(u32, Group)>,
    /// By turns of one user.
    turns: Vec<(u32, Group)>,
    /// The largest user without and with an index of their own.
    compared: Vec<(String, bool, Compared)>,
    /// In tokens, from 0 to 1.
    budgets: Vec<(u32, f64)>,
    rows: u32,
    /// Whether full text has an index by user, as on Supabase.
    whole_postgres: bool,
    released: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let unoptimised = arguments.unoptimised;
    let functions = blocking(move || match unoptimised {
        true => Ok(build(Host::Vercel, Profile::Dev)?),
        false => built::functions(Host::Vercel, &["context"]),
    })
    .await?;
    let budgets = match &arguments.data {
        Some(data) => {
            let shares = budgets::by_budget(data, &BUDGETS).await?;
            BUDGETS.into_iter().zip(shares).collect()
        }
        None => Vec::new(),
    };
    // The full one has btree_gin, as Supabase has.
    let (server, whole_postgres): (&Server, bool) = match postgres::full().await {
        Ok(full) => (&full.server, true),
        Err(missing) => {
            eprintln!("without the full Postgres: {missing}");
            (postgres::shared().await?, false)
        }
    };
    let mut measured = Measured {
        users: by_users(server, &functions, arguments).await?,
        turns: Vec::new(),
        compared: Vec::new(),
        budgets,
        rows: 0,
        whole_postgres,
        released: !unoptimised,
    };
    by_turns(server, &functions, arguments, &mut measured).await?;
    if let Some(path) = &arguments.picture {
        std::fs::write(path, pictures::of(&measured))?;
    }
    Ok(report::of(&measured))
}

/// A database for each number of users, all asked in turns.
async fn by_users(
    server: &Server,
    functions: &BuiltFunctions,
    arguments: &Arguments,
) -> Result<Vec<(u32, Group)>, Error> {
    let counts = USERS.map(|count| scaled(arguments, count, 10));
    let all: u32 = counts.iter().sum();
    let bar = progress((all * EACH) as usize, "filling: many users")?;
    let mut scenes = Vec::new();
    let mut groups = Vec::new();
    for count in counts {
        let turns = vec![EACH; count as usize];
        let scene = Scene::start(server, functions, &turns, &bar).await?;
        // Ten of them, from the first to the last.
        let asked: Vec<u32> = (0..10).map(|place| place * count / 10).collect();
        groups.push(Group::new(askers(&scene, &asked).await?));
        scenes.push(scene);
    }
    bar.finish_and_clear();
    let measured = asked(groups, arguments.requests, "asking: many users").await;
    for scene in scenes {
        scene.stop().await?;
    }
    Ok(counts.into_iter().zip(measured?).collect())
}

/// One database with users of every size among many of the second.
async fn by_turns(
    server: &Server,
    functions: &BuiltFunctions,
    arguments: &Arguments,
    measured: &mut Measured,
) -> Result<(), Error> {
    let sizes = TURNS.map(|turns| scaled(arguments, turns, 100));
    let many = scaled(arguments, MANY, 10);
    // The first users are those of the sizes, and the others are as large as the second.
    let mut turns = sizes.to_vec();
    turns.extend(vec![sizes[1]; many as usize - 1]);
    measured.rows = turns.iter().sum();
    let bar = progress(measured.rows as usize, "filling: many turns")?;
    let scene = Scene::start(server, functions, &turns, &bar).await?;
    bar.finish_and_clear();
    let done = compare_all(&scene, arguments, sizes, many, measured).await;
    scene.stop().await?;
    done
}

async fn compare_all(
    scene: &Scene,
    arguments: &Arguments,
    sizes: [u32; 5],
    many: u32,
    measured: &mut Measured,
) -> Result<(), Error> {
    let questions: u32 = if arguments.quick { 4 } else { 40 };
    let all_of_second = std::iter::once(1).chain(5..4 + many);
    let bar = spinner("beside the exact scan");
    let compared = exact::compare(&scene.database, all_of_second, questions.div_ceil(10)).await?;
    let name = format!("{many} users of {}", sizes[1]);
    measured.compared.push((name, true, compared));
    for (place, size) in (2_u32..).zip(&sizes[2..]) {
        let compared = exact::compare(&scene.database, [place], questions).await?;
        measured.compared.push((size.to_string(), true, compared));
    }
    bar.finish_and_clear();

    // In quick runs nobody is as large as that.
    let bar = spinner("building the index of a large user");
    let built = exact::index(&scene.database).await?;
    bar.finish_and_clear();
    if built > 0 {
        let compared = exact::compare(&scene.database, [4], questions).await?;
        let name = format!("{}, its own index", sizes[4]);
        measured.compared.push((name, false, compared));
    }
    let mut groups = Vec::new();
    for place in 0..5 {
        groups.push(Group::new(askers(scene, &[place]).await?));
    }
    let groups = asked(groups, arguments.requests, "asking: many turns").await?;
    measured.turns = sizes.into_iter().zip(groups).collect();
    Ok(())
}

async fn askers(scene: &Scene, users: &[u32]) -> Result<Vec<Asker>, Error> {
    let mut askers = Vec::new();
    for user in users {
        askers.push(scene.asker(*user).await?);
    }
    Ok(askers)
}

async fn asked(
    mut groups: Vec<Group>,
    requests: usize,
    doing: &'static str,
) -> Result<Vec<Group>, Error> {
    blocking(move || {
        latency::measure(&mut groups, requests, doing)?;
        Ok(groups)
    })
    .await
}

/// In quick runs a tenth, and no less than so many.
fn scaled(arguments: &Arguments, count: u32, least: u32) -> u32 {
    if arguments.quick {
        (count / 10).max(least)
    } else {
        count
    }
}

fn spinner(doing: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_message(doing);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    if bar.is_hidden() {
        eprintln!("{doing}");
    }
    bar
}
