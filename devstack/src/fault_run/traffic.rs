//! The users: each sends one request after the other, and repeats it until it is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use futures_util::{StreamExt as _, stream};

use super::{
    Settings,
    plan::{Person, Plan, Request},
};
use crate::stack::{Error, tokens};

/// Users that send at the same time.
const AT_ONCE: usize = 12;

/// How long an app waits for an answer before it sends again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a user may remain unheard before the run is broken off.
const GIVE_UP: Duration = Duration::from_secs(120);

/// The way in: every deployment, any of which will do.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) urls: Arc<Vec<String>>,
    pub(super) jwt_secret: String,
    pub(super) http: reqwest::Client,
}

/// What the users went through.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) unanswered: u64,
}

impl Door {
    fn url(&self, random: &mut Rng, path: &str) -> String {
        format!("{}{path}", self.urls[random.usize(0..self.urls.len())])
    }

    /// One sweep, on any of the hosts; that it fails is part of the run.
    pub(super) async fn sweep(&self) {
        let Ok(token) = tokens::mint(&self.jwt_secret, None, tokens::SERVICE, tokens::HOUR) else {
            return;
        };
        let url = self.url(&mut Rng::new(), "/api/jobs/sweep");
        let request = self.http.post(url).bearer_auth(token).body("{}");
        let _ = request.timeout(Duration::from_secs(50)).send().await;
    }
}

/// Lets everybody say what they have to say. Ends when all of it was acknowledged.
pub(super) async fn flow(
    plan: &Plan,
    door: &Door,
    settings: &Settings,
    recorded: impl Fn(usize),
) -> Result<Counts, Error> {
    let (requests, unanswered) = (AtomicU64::new(0), AtomicU64::new(0));
    let turns = AtomicUsize::new(0);
    let people: Vec<_> = plan
        .people
        .iter()
        .enumerate()
        .map(|(number, person)| {
            let seed = settings.seed ^ (number as u64 + 1);
            let told = |more: usize| {
                recorded(turns.fetch_add(more, Ordering::Relaxed) + more);
            };
            speak(person, door, seed, (&requests, &unanswered), told)
        })
        .collect();
    let mut people = stream::iter(people).buffer_unordered(AT_ONCE);
    while let Some(spoken) = people.next().await {
        spoken?;
    }
    Ok(Counts {
        requests: requests.load(Ordering::Relaxed),
        unanswered: unanswered.load(Ordering::Relaxed),
    })
}

async fn speak(
    person: &Person,
    door: &Door,
    seed: u64,
    (requests, unanswered): (&AtomicU64, &AtomicU64),
    told: impl Fn(usize),
) -> Result<(), Error> {
    let mut random = Rng::with_seed(seed);
    let token = tokens::mint(
        &door.jwt_secret,
        Some(person.user),
        tokens::USER,
        tokens::HOUR,
    )?;
    for request in &person.requests {
        let start = Instant::now();
        let mut impatient = request.impatient;
        loop {
            requests.fetch_add(1, Ordering::Relaxed);
            let wait = if impatient {
                Duration::from_millis(15)
            } else {
                PATIENCE
            };
            impatient = false;
            if send(door, &mut random, &token, request, wait).await? {
                break;
            }
            unanswered.fetch_add(1, Ordering::Relaxed);
            if start.elapsed() > GIVE_UP {
                return Err(format!("a request was not answered in {GIVE_UP:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(random.u64(50..400))).await;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(0..200))).await;
        if !request.replaces {
            told(request.turns.len());
        }
    }
    Ok(())
}

/// True when it was acknowledged. What the service refuses for good is an error of the run.
async fn send(
    door: &Door,
    random: &mut Rng,
    token: &str,
    request: &Request,
    wait: Duration,
) -> Result<bool, Error> {
    let post = |url: String| {
        let body = request.body().to_string();
        let post = door.http.post(url).bearer_auth(token);
        post.header("content-type", "application/json")
            .timeout(wait)
            .body(body)
            .send()
    };
    let (one, other) = (
        door.url(random, "/api/turns"),
        door.url(random, "/api/turns"),
    );
    let response = if request.twice {
        let (response, _) = tokio::join!(post(one), post(other));
        response
    } else {
        post(one).await
    };
    match response {
        Ok(response) if response.status().is_success() => Ok(response.bytes().await.is_ok()),
        Ok(response) if response.status().is_client_error() => {
            let status = response.status();
            let body = response.text().await.unwrap_or_default();
            Err(format!("a turn was refused with {status}: {body}").into())
        }
        _ => Ok(false),
    }
}
