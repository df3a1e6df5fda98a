//! Who says what.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::Settings;

/// What no embedder takes.
pub(super) const POISON: &str = "unembeddable";

/// Everything that is said in a run.
pub(super) struct Plan {
    pub(super) people: Vec<Person>,
}

/// A user, and the requests that it sends one after the other.
pub(super) struct Person {
    pub(super) user: Uuid,
    pub(super) requests: Vec<Request>,
}

/// One `POST /api/turns`.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) session: String,
    pub(super) turns: Vec<Turn>,
    /// Its turn is known with another text.
    pub(super) replaces: bool,
    /// There is another one that does so, or it is that one.
    edited: bool,
    /// Sent twice at the same time.
    pub(super) twice: bool,
    /// The user loses patience at once, and repeats it.
    pub(super) impatient: bool,
}

/// One turn.
#[derive(Clone)]
pub(super) struct Turn {
    pub(super) id: String,
    pub(super) role: &'static str,
    pub(super) text: String,
}

impl Plan {
    /// The seed's.
    pub(super) fn new(settings: &Settings) -> Self {
        let mut random = Rng::with_seed(settings.seed);
        let users = settings.users.max(1);
        let people = (0..users)
            .map(|number| {
                let turns = settings.turns / users + usize::from(number < settings.turns % users);
                Person {
                    user: Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid(),
                    requests: requests(&mut random, turns),
                }
            })
            .collect();
        Self { people }
    }

    /// Each user's turns as they must stand in the end: the session, and the turn as it was said last.
    pub(super) fn said(&self) -> Vec<(Uuid, &str, &Turn)> {
        let mut said = Vec::new();
        for person in &self.people {
            let mut last: BTreeMap<&str, (&str, &Turn)> = BTreeMap::new();
            for request in &person.requests {
                for turn in &request.turns {
                    last.insert(&turn.id, (&request.session, turn));
                }
            }
            let last = last.into_values();
            said.extend(last.map(|(session, turn)| (person.user, session, turn)));
        }
        said
    }
}

fn requests(random: &mut Rng, turns: usize) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    let mut number = 0;
    while number < turns {
        let batch = random.usize(1..=6).min(turns - number);
        requests.push(Request {
            session: format!("session-{}", random.usize(0..3)),
            turns: (number..number + batch)
                .map(|number| turn(random, number))
                .collect(),
            replaces: false,
            edited: false,
            twice: random.u8(0..10) == 0,
            impatient: random.u8(0..30) == 0,
        });
        number += batch;
        // Now and then something is said anew, once: of two edits the one that arrives last counts, and
        // which that is would be chance.
        let original = random.usize(0..requests.len());
        if random.u8(0..20) == 0 && !requests[original].edited {
            requests[original].edited = true;
            let mut again = requests[original].clone();
            again.replaces = true;
            again.turns.truncate(1);
            for turn in &mut again.turns {
                turn.text.push_str(", or rather not");
            }
            requests.push(again);
        }
    }
    requests
}

fn turn(random: &mut Rng, number: usize) -> Turn {
    let role = ["user", "assistant", "user", "assistant", "tool"][random.usize(0..5)];
    let words = [
        "tea",
        "rain",
        "a green door",
        "the train",
        "my sister",
        "seven",
    ];
    let (one, other) = (random.usize(0..words.len()), random.usize(0..words.len()));
    let poison = if random.u8(0..100) == 0 {
        POISON
    } else {
        "plain"
    };
    Turn {
        id: format!("turn-{number}"),
        role,
        text: format!(
            "{} and {}, {poison}, number {number}",
            words[one], words[other]
        ),
    }
}

impl Request {
    /// As it is sent.
    pub(super) fn body(&self) -> Value {
        let turns = self.turns.iter();
        json!({
            "sessionId": self.session,
            "onConflict": if self.replaces { "replace" } else { "reject" },
            "turns": turns
                .map(|turn| json!({ "id": turn.id, "role": turn.role, "content": turn.text }))
                .collect::<Vec<_>>(),
        })
    }
}

impl Turn {
    /// Whether it can never be embedded.
    pub(super) fn is_poison(&self) -> bool {
        self.text.contains(POISON)
    }

    /// Whether Mem0 is to have it.
    pub(super) fn is_for_mem0(&self) -> bool {
        self.role != "tool"
    }
}
