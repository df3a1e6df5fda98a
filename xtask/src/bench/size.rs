//! How large each function is on disk, and in memory after 1,000 requests.

use std::fs;

use devstack::functions::{BuiltFunctions, Host};
use devstack::stack::{Stack, routes};
use serde_json::json;
use uuid::Uuid;

use super::client::{Connection, Request};
use super::table::{Cell, Report, Table};
use super::{blocking, built, database, function, progress, stack};
use crate::Error;

/// Whose memory it is; [`database::seed`] removes it.
const USER: Uuid = Uuid::from_u128(53);

const TEXT: &str = "I prefer trains to planes and small hotels near the river.";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The host whose binaries run: vercel or lambda
    #[arg(long, default_value = "vercel")]
    host: Host,
    /// These functions alone, as in turns,context,health
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Requests to each function
    #[arg(long, default_value_t = 1000)]
    requests: usize,
}

/// One function, and its resident memory in MiB.
struct Measured {
    name: String,
    before: f64,
    after: f64,
}

pub(super) async fn run(arguments: &Arguments) -> Result<Report, Error> {
    let (host, requests) = (arguments.host, arguments.requests);
    let mut names: Vec<String> = routes().iter().map(|route| route.name.to_owned()).collect();
    if let Some(unknown) = arguments.only.iter().find(|only| !names.contains(only)) {
        return Err(format!(
            "no function is called {unknown}; there are {}",
            names.join(", ")
        )
        .into());
    }
    names.retain(|name| arguments.only.is_empty() || arguments.only.contains(name));
    // QStash delivers what was recorded: that is how the jobs get their requests.
    let order = |name: &String| (name != "turns", name == "jobs");
    names.sort_by_key(order);

    let wanted = names.clone();
    let functions = blocking(move || {
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        built::functions(host, &wanted)
    })
    .await?;
    let (server, database) = database::start(None).await?;
    let sizes = sizes(host, &names, &functions)?;
    let stack = stack::over(&database, functions).await?;
    let token = stack.user_token(USER)?;
    let run = Run {
        stack,
        host,
        requests,
        session: Uuid::new_v4(),
        token,
    };
    let handle = tokio::runtime::Handle::current();
    let (run, measured): (_, Result<Vec<_>, Error>) = blocking(move || {
        let idle = || handle.block_on(run.stack.qstash.idle());
        let measured = run
            .prepare()
            .and_then(|()| names.iter().map(|name| run.measure(name, &idle)).collect());
        Ok((run, measured))
    })
    .await?;
    run.stack.stop().await;
    server.stop();
    Ok(report(host, requests, &sizes, &measured?))
}

fn sizes(host: Host, names: &[String], built: &BuiltFunctions) -> Result<Vec<f64>, Error> {
    let size = |name: &String| {
        let binary = format!("{host}-{name}");
        let function = built.functions.iter().find(|built| built.binary == binary);
        let function = function.ok_or_else(|| format!("cargo built no {binary}"))?;
        let bytes = u32::try_from(fs::metadata(&function.executable)?.len())?;
        Ok(f64::from(bytes) / f64::from(1 << 20))
    };
    names.iter().map(size).collect()
}

/// One run: sessions of 20 turns, this one and those that follow it, so that reading one stays what
/// it is.
struct Run {
    stack: Stack,
    host: Host,
    requests: usize,
    session: Uuid,
    token: String,
}

impl Run {
    /// The request of a number to a function; none where only QStash may ask.
    fn request(&self, name: &str, number: usize) -> Option<Request> {
        let one = format!("/api/sessions/{}", self.session);
        let synced = || json!({ "sessionId": self.session }).to_string();
        let (method, path, body) = match name {
            "turns" => ("POST", "/api/turns", self.turn(number)),
            "context" => {
                let body = json!({ "sessionId": self.session, "query": "trains near the river" });
                ("POST", "/api/context", body.to_string())
            }
            "health" => ("GET", "/api/health", String::new()),
            "sessions-list" => ("GET", "/api/sessions", String::new()),
            "session" => ("GET", one.as_str(), String::new()),
            "sessions-sync" => ("POST", "/api/sessions/sync", synced()),
            "sessions-backfill" => ("POST", "/api/sessions/backfill", synced()),
            _ => return None,
        };
        Some(function::request(
            self.host,
            method,
            path,
            Some(&self.token),
            &body,
        ))
    }

    fn turn(&self, number: usize) -> String {
        let session = Uuid::from_u128(self.session.as_u128() + number as u128 / 20);
        let turn = json!({ "id": Uuid::new_v4(), "role": "user", "content": TEXT });
        json!({ "sessionId": session, "turns": [turn] }).to_string()
    }

    /// What the others read has to be there.
    fn prepare(&self) -> Result<(), Error> {
        let request = Request::new("POST", "/api/turns", Some(&self.token), &self.turn(0));
        Connection::to(&self.stack.url)?
            .send(&request)?
            .expect(&[201])
            .map(drop)
    }

    fn measure(&self, name: &str, idle: &dyn Fn()) -> Result<Measured, Error> {
        let mut connection = Connection::to(&self.stack.functions.url(name)?)?;
        let bar = progress(self.requests, "requests")?;
        let mut before = None;
        for number in 0..self.requests {
            let Some(request) = self.request(name, number) else {
                break;
            };
            let answer = connection.send(&request)?;
            function::answer(self.host, answer)?.expect(&[200, 201, 202])?;
            before = before.or_else(|| resident(&self.stack, name));
            bar.inc(1);
        }
        bar.finish_and_clear();
        idle();
        let after = resident(&self.stack, name).ok_or_else(|| format!("{name} does not run"))?;
        Ok(Measured {
            name: name.to_owned(),
            before: before.unwrap_or_default(),
            after,
        })
    }
}

/// `VmRSS` of a function's process, in MiB.
fn resident(stack: &Stack, name: &str) -> Option<f64> {
    let process = *stack.functions.pids(name).first()?;
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kibibytes / 1024.0)
}

fn report(host: Host, requests: usize, sizes: &[f64], measured: &[Measured]) -> Report {
    let title = format!("Size on {host}: the release binary, and what is resident (VmRSS)");
    let columns = [
        "function",
        "binary",
        "after the first request",
        "after all of them",
    ];
    let mut table = Table::new(title, columns);
    for (one, size) in measured.iter().zip(sizes) {
        let before = one.before;
        table.row([
            one.name.as_str().into(),
            Cell::Mebibytes(*size),
            if before > 0.0 {
                Cell::Mebibytes(before)
            } else {
                Cell::Empty
            },
            Cell::Mebibytes(one.after),
        ]);
    }
    Report {
        tables: vec![table],
        notes: vec![format!(
            "{requests} requests to each, one after another; `jobs` got QStash's delivery for each recorded turn, some of them at once."
        )],
    }
}
