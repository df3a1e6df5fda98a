//! The service's limiter and the official `@upstash/ratelimit` on one Redis: the same requests at the same times, each
//! with a budget of its own, and both with one.

use std::{
    process::Stdio,
    time::{Duration, SystemTime},
};

use futures_util::future::join_all;
use memory_orchestrator::{adapters::upstash::ratelimit::RateLimit, config::Rule};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout},
};

use super::{
    client::{client, soon},
    sdk, started,
};
use crate::redis::Redis;

const REQUESTS: usize = 1000;

/// As `MEMORY_LIMITS` has them, beside what the official one calls them (`rules`).
const RULES: [(&str, Rule); 3] = [
    (
        "fixed",
        Rule::FixedWindow {
            limit: 50,
            window: Duration::from_secs(10),
        },
    ),
    (
        "sliding",
        Rule::SlidingWindow {
            limit: 50,
            window: Duration::from_secs(10),
        },
    ),
    (
        "bucket",
        Rule::TokenBucket {
            refill: 7,
            interval: Duration::from_secs(2),
            size: 50,
        },
    ),
];

fn rules() -> Value {
    json!({ "fixed": [50, "10 s"], "sliding": [50, "10 s"], "bucket": [7, "2 s", 50] })
}

/// The official one, in a process of its own.
struct Official {
    _process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Official {
    /// `None` where there is no Node.
    async fn start(redis: &Redis) -> Option<Self> {
        let mut node = sdk::node("ratelimit.mjs", redis).await?;
        let mut process = node
            .env("PREFIX", "memory")
            .env("RULES", rules().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        Some(Self {
            questions: process.stdin.take().expect("its input"),
            answers: BufReader::new(process.stdout.take().expect("its output")).lines(),
            _process: process,
        })
    }

    async fn ask(&mut self, question: &Value) -> Value {
        let line = format!("{question}\n");
        let sent = self.questions.write_all(line.as_bytes()).await;
        sent.expect("it reads");
        let line = self.answers.next_line().await.expect("it writes");
        serde_json::from_str(&line.expect("an answer")).expect("JSON")
    }
}

/// What ours says, in the official one's words.
async fn ours(limiter: &RateLimit, rule: Rule, id: &str, now: u64) -> Value {
    let budget = format!("memory:{id}");
    let verdict = limiter.take(rule, &budget, now, soon()).await;
    let verdict = verdict.expect("a verdict");
    let reset = u64::try_from(verdict.reset.as_millis()).expect("a time");
    json!({
        "success": verdict.passes,
        "limit": verdict.limit,
        "remaining": verdict.remaining,
        "reset": now + reset,
    })
}

/// Now, in whole hours: the tests' clocks begin there and run faster than the machine's, so that no key is gone early.
fn this_hour() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.expect("a time").as_secs() / 3600 * 3_600_000
}

/// A thousand times over some four minutes: busy stretches, in which a request comes every 80 ms, and quiet ones.
fn times() -> impl Iterator<Item = u64> {
    let mut chance = fastrand::Rng::with_seed(7);
    let mut now = this_hour();
    (0..REQUESTS).map(move |place| {
        let most = if place / 100 % 2 == 0 { 160 } else { 800 };
        now += chance.u64(0..=most);
        now
    })
}

fn passes(answer: &Value) -> bool {
    answer["success"].as_bool().expect("a verdict")
}

#[tokio::test]
async fn a_thousand_requests_are_decided_as_the_official_one_decides() {
    let Some(redis) = started().await else { return };
    let Some(mut official) = Official::start(&redis).await else {
        return;
    };
    let limiter = RateLimit::new(client(&redis, redis.token()));
    let mut differ = Vec::new();
    for (algorithm, rule) in RULES {
        let before = differ.len();
        let mut chance = fastrand::Rng::with_seed(11);
        let (mut passed, mut refused) = (0, 0);
        for now in times() {
            let question = |id: &str| json!({ "algorithm": algorithm, "id": format!("{algorithm}-{id}"), "now": now });
            let expected = official.ask(&question("official")).await;
            let own = ours(&limiter, rule, &format!("{algorithm}-ours"), now).await;
            // Of a shared budget either may take, in any order.
            let shared = if chance.bool() {
                official.ask(&question("shared")).await
            } else {
                ours(&limiter, rule, &format!("{algorithm}-shared"), now).await
            };
            if passes(&expected) {
                passed += 1;
            } else {
                refused += 1;
            }
            if own != expected || shared != expected {
                differ.push(
                    json!({ "algorithm": algorithm, "now": now, "official": expected, "ours": own, "shared": shared }),
                );
            }
        }
        let differ = differ.len() - before;
        println!("{algorithm}: {passed} passed, {refused} refused, {differ} differ");
        assert!(
            passed > 100 && refused > 100,
            "{algorithm}: {passed}, {refused}"
        );
    }
    assert!(differ.is_empty(), "{differ:?}");
    redis.stop().await;
}

#[tokio::test]
async fn both_at_once_take_from_one_budget_and_no_more_than_it_holds() {
    let Some(redis) = started().await else { return };
    let Some(mut official) = Official::start(&redis).await else {
        return;
    };
    let limiter = RateLimit::new(client(&redis, redis.token()));
    let now = this_hour();
    for (algorithm, rule) in RULES {
        let id = format!("{algorithm}-both");
        let question = json!({ "algorithm": algorithm, "id": id, "now": now });
        let half = Value::Array(vec![question; REQUESTS / 2]);
        let own = join_all((0..REQUESTS / 2).map(|_| ours(&limiter, rule, &id, now)));
        let (theirs, own) = tokio::join!(official.ask(&half), own);
        let theirs = theirs.as_array().expect("answers");
        assert_eq!(theirs.len() + own.len(), REQUESTS);
        let passed = theirs.iter().chain(&own).filter(|answer| passes(answer));
        assert_eq!(passed.count(), 50, "{algorithm}");
    }
    redis.stop().await;
}

#[tokio::test]
async fn keys_live_as_long_as_the_official_ones() {
    let Some(redis) = started().await else { return };
    let Some(mut official) = Official::start(&redis).await else {
        return;
    };
    let limiter = RateLimit::new(client(&redis, redis.token()));
    let now = this_hour() + 1234;
    for (algorithm, rule) in RULES {
        for _ in 0..9 {
            let question = json!({ "algorithm": algorithm, "id": "official", "now": now });
            official.ask(&question).await;
            ours(&limiter, rule, "ours", now).await;
        }
        let keys = redis.command(&["KEYS", "memory:ours*"]).await;
        let keys: Vec<String> = serde_json::from_value(keys).expect("keys");
        let [key] = keys.as_slice() else {
            panic!("{algorithm}: {keys:?}")
        };
        let theirs = key.replace("ours", "official");
        for command in ["TYPE", "DUMP"] {
            let value = redis.command(&[command, key]).await;
            assert_eq!(
                value,
                redis.command(&[command, &theirs]).await,
                "{algorithm}"
            );
        }
        let left = async |key: &str| {
            redis
                .command(&["PTTL", key])
                .await
                .as_i64()
                .expect("a time")
        };
        let (own, theirs_left) = (left(key).await, left(&theirs).await);
        assert!(
            own > 0 && own.abs_diff(theirs_left) < 500,
            "{algorithm}: {own}, {theirs_left}"
        );
        redis.command(&["DEL", key, &theirs]).await;
    }
    redis.stop().await;
}

#[tokio::test]
async fn a_verdict_is_one_round_trip_once_the_script_is_known() {
    let Some(redis) = started().await else { return };
    let limiter = RateLimit::new(client(&redis, redis.token()));
    let now = this_hour();
    for (algorithm, rule) in RULES {
        for expected in [2, 1, 1] {
            let before = redis.faults().requests();
            ours(&limiter, rule, algorithm, now).await;
            let requests = redis.faults().requests() - before;
            assert_eq!(
                requests, expected,
                "{algorithm}: is the script's hash wrong?"
            );
        }
    }
    // Redis forgets its scripts when it starts again.
    redis.command(&["SCRIPT", "FLUSH"]).await;
    let (algorithm, rule) = RULES[0];
    let answer = ours(&limiter, rule, algorithm, now).await;
    assert_eq!(answer["remaining"], 46);
    redis.stop().await;
}
