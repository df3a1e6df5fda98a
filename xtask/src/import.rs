//! `cargo xtask import`: records an export again, through POST /api/turns like any app: of another user, in another
//! deployment. Nothing is kept in memory but one request, and done twice it changes nothing.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use memory_orchestrator::adapters::Adapter;
use memory_orchestrator::adapters::http::{Outbound, send};
use memory_orchestrator::config::env;
use memory_orchestrator::domain::deadline::Deadline;
use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::Error;

/// Turns of one request, and their bytes: what the endpoint takes, less what is around them.
const TURNS: usize = 100;
const BYTES: usize = 1_000_000;

/// How often a request is sent again that met a busy service.
const PATIENCE: u32 = 10;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// Only errors would name it, and theirs are put in other words.
const OURS: Adapter = Adapter::Supabase;

/// The members of a line that make the turn; the others are what the service has made of it.
const MEMBERS: [&str; 9] = [
    "id",
    "role",
    "name",
    "content",
    "attachments",
    "toolCalls",
    "toolResults",
    "metadata",
    "createdAt",
];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The deployment: http(s)://host
    #[arg(long, env = "MEMORY_PUBLIC_URL")]
    url: String,
    /// An access token of the user whose the turns are to be
    #[arg(long, env = "MEMORY_TOKEN", hide_env_values = true)]
    token: String,
    /// The export: the pages of GET /api/memory/export, one after the other
    file: PathBuf,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Error> {
    let mut import = Import {
        // With the roots that the service itself trusts.
        outbound: Outbound::new(std::env::var(env::OUTBOUND_CA_PEM.name).ok()),
        url: format!("{}/api/turns", arguments.url.trim_end_matches('/')),
        token: arguments.token,
        request: Request::default(),
        done: Done::default(),
    };
    let lines = BufReader::new(File::open(&arguments.file)?).lines();
    for (number, line) in lines.enumerate() {
        let line = line?;
        let value: Value =
            serde_json::from_str(&line).map_err(|_| format!("line {} is not JSON", number + 1))?;
        match value["type"].as_str() {
            Some("session") => {
                import.send().await?;
                import.request.title = value["title"].as_str().map(str::to_owned);
            }
            Some("turn") => import.add(value, line.len(), number + 1).await?,
            // What the service has noted by itself, and what leads from page to page.
            Some("audit" | "erasure" | "retention" | "next" | "end") => {}
            _ => return Err(format!("line {} is no line of an export", number + 1).into()),
        }
    }
    import.send().await?;
    let Done {
        new,
        known,
        differing,
        erased,
    } = import.done;
    println!("{new} turns are new, {known} were known");
    if differing > 0 {
        println!("{differing} are known with another body, and stay as they are");
    }
    if erased > 0 {
        println!("{erased} were erased, and stay so");
    }
    Ok(())
}

struct Import {
    outbound: Outbound,
    url: String,
    token: String,
    request: Request,
    done: Done,
}

/// The request that is being filled.
#[derive(Default)]
struct Request {
    session: String,
    title: Option<String>,
    turns: Vec<Turn>,
    bytes: usize,
}

struct Turn {
    body: Map<String, Value>,
    /// The time was not sent by the app, but is when it was recorded.
    is_timed_by_service: bool,
}

#[derive(Default)]
struct Done {
    new: usize,
    known: usize,
    differing: usize,
    erased: usize,
}

impl Import {
    async fn add(&mut self, mut line: Value, bytes: usize, number: usize) -> Result<(), Error> {
        let session = line["sessionId"]
            .as_str()
            .ok_or_else(|| format!("line {number} names no session"))?
            .to_owned();
        let request = &self.request;
        let is_full = request.turns.len() == TURNS || request.bytes + bytes > BYTES;
        if !request.turns.is_empty() && (is_full || request.session != session) {
            self.send().await?;
        }
        let is_timed_by_service = line["createdAt"] == line["recordedAt"];
        let mut body = Map::new();
        for name in MEMBERS {
            let value = line[name].take();
            if !value.is_null() {
                body.insert(name.to_owned(), value);
            }
        }
        self.request.session = session;
        self.request.bytes += bytes;
        self.request.turns.push(Turn {
            body,
            is_timed_by_service,
        });
        Ok(())
    }

    /// Sends what has been gathered. Turns that the service names as refused are left out of the next try; one that
    /// is known without its time is the same turn.
    async fn send(&mut self) -> Result<(), Error> {
        self.request.bytes = 0;
        while !self.request.turns.is_empty() {
            let (status, answer) = self.post().await?;
            match status {
                StatusCode::OK | StatusCode::CREATED => {
                    let turns = answer["turns"].as_array().into_iter().flatten();
                    let new = turns.filter(|turn| turn["created"] == true).count();
                    self.done.new += new;
                    self.done.known += self.request.turns.len() - new;
                    self.request.turns.clear();
                }
                StatusCode::CONFLICT | StatusCode::GONE => {
                    let named = places(&answer);
                    if named.is_empty() {
                        return Err(refusal(status, &answer));
                    }
                    self.leave_out(&named, status == StatusCode::GONE);
                }
                _ => return Err(refusal(status, &answer)),
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, named: &[usize], erased: bool) {
        let mut place = 0;
        let done = &mut self.done;
        self.request.turns.retain_mut(|turn| {
            let is_named = named.contains(&place);
            place += 1;
            if !is_named {
                return true;
            }
            if erased {
                done.erased += 1;
                return false;
            }
            let again = turn.is_timed_by_service && turn.body.remove("createdAt").is_some();
            done.differing += usize::from(!again);
            again
        });
    }

    async fn post(&self) -> Result<(StatusCode, Value), Error> {
        let request = &self.request;
        let turns: Vec<_> = request.turns.iter().map(|turn| &turn.body).collect();
        let mut body = json!({ "sessionId": request.session, "turns": turns });
        if let Some(title) = &request.title {
            body["title"] = json!(title);
        }
        let body = body.to_string();
        let mut tries = 0;
        loop {
            let request = self
                .outbound
                .client(OURS)?
                .post(&self.url)
                .bearer_auth(&self.token)
                .header("content-type", "application/json")
                .body(body.clone());
            let (status, headers, answer) = send(OURS, request, Deadline::after(DEADLINE))
                .await
                .map_err(|error| format!("{} did not answer: {}", self.url, error.detail))?;
            let wait = headers.get("retry-after");
            let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
            let is_busy = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            tries += 1;
            if !is_busy || tries == PATIENCE {
                return Ok((status, serde_json::from_slice(&answer).unwrap_or_default()));
            }
            tokio::time::sleep(Duration::from_secs(wait.unwrap_or(1))).await;
        }
    }
}

/// The turns that a problem names.
fn places(problem: &Value) -> Vec<usize> {
    let errors = problem["errors"].as_array().into_iter().flatten();
    errors
        .filter_map(|error| {
            let pointer = error["pointer"].as_str()?;
            pointer.strip_prefix("/turns/")?.parse().ok()
        })
        .collect()
}

fn refusal(status: StatusCode, problem: &Value) -> Error {
    let detail = problem["detail"].as_str().unwrap_or("no problem document");
    let first = problem["errors"][0].to_string();
    format!("{status}: {detail} {first}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_places_of_a_problem_are_read_and_nothing_else() {
        let problem = json!({ "errors": [
            { "pointer": "/turns/0" }, { "pointer": "/turns/17" }, { "pointer": "/turns/1/id" },
            { "pointer": "/title" }, {},
        ] });
        assert_eq!(places(&problem), [0, 17]);
        assert!(places(&json!({})).is_empty());
    }
}
