//! What the fake keeps: memories, and the events that the platform's API works through later.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// A memory that is kept.
#[derive(Debug, Clone)]
pub struct Memory {
    /// A UUID.
    pub id: String,
    /// Whose it is.
    pub user_id: Option<String>,
    /// In which session it was found.
    pub run_id: Option<String>,
    /// What it says.
    pub text: String,
    /// Who said it.
    pub role: String,
    /// As it came with the add.
    pub metadata: Value,
    /// RFC 3339.
    pub created_at: String,
}

/// An add that was accepted.
#[derive(Debug, Clone)]
pub struct Push {
    /// Whose turn it was.
    pub user_id: Option<String>,
    /// In which session.
    pub run_id: Option<String>,
    /// What was said.
    pub texts: Vec<String>,
    /// As it came.
    pub metadata: Value,
    /// Whether it came by the platform's API.
    pub by_platform: bool,
}

/// An operation that the platform's API accepted.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) payload: Value,
    pub(super) results: Vec<Value>,
    pub(super) created_at: String,
}

/// What is done when its time has come.
#[derive(Debug)]
enum Work {
    Keep(Vec<Memory>),
    Fail,
    Delete(String),
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    memories: Vec<Memory>,
    /// The latest last.
    events: Vec<Event>,
    due: VecDeque<(Instant, String, Work)>,
    pushes: Vec<Push>,
}

/// Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Store(Arc<Mutex<State>>);

impl Store {
    pub(super) fn new(delay: Duration) -> Self {
        Self(Arc::new(Mutex::new(State {
            delay,
            ..State::default()
        })))
    }

    pub(super) fn set_delay(&self, delay: Duration) {
        self.lock().delay = delay;
    }

    pub(super) fn memories(&self) -> Vec<Memory> {
        self.lock().memories.clone()
    }

    pub(super) fn pushes(&self) -> Vec<Push> {
        self.lock().pushes.clone()
    }

    pub(super) fn forget(&self) {
        let mut state = self.lock();
        *state = State {
            delay: state.delay,
            ..State::default()
        };
    }

    pub(super) fn record_push(&self, push: Push) {
        self.lock().pushes.push(push);
    }

    /// How many there are, and some of them, the latest first.
    pub(super) fn events(&self, skip: usize, take: usize) -> (usize, Vec<Event>) {
        let events = &self.lock().events;
        let some = events.iter().rev().skip(skip).take(take);
        (events.len(), some.cloned().collect())
    }

    pub(super) fn event(&self, id: &str) -> Option<Event> {
        let state = self.lock();
        state.events.iter().rfind(|event| event.id == id).cloned()
    }

    pub(super) fn keep(&self, memories: Vec<Memory>) {
        self.lock().memories.extend(memories);
    }

    /// Accepts an add; `None` for one that is to fail.
    pub(super) fn keep_later(&self, payload: Value, memories: Option<Vec<Memory>>) -> String {
        let work = memories.map_or(Work::Fail, Work::Keep);
        self.lock().accept("ADD", payload, work)
    }

    /// Accepts the deletion of all that is a user's.
    pub(super) fn delete_later(&self, user: &str) -> String {
        let payload = json!({"user_id": user});
        self.lock()
            .accept("DELETE", payload, Work::Delete(user.to_owned()))
    }

    /// How many were deleted.
    pub(super) fn delete(&self, doomed: impl Fn(&Memory) -> bool) -> usize {
        let mut state = self.lock();
        let before = state.memories.len();
        state.memories.retain(|memory| !doomed(memory));
        before - state.memories.len()
    }

    /// With all done whose time has come.
    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.work();
        state
    }
}

impl State {
    fn accept(&mut self, kind: &'static str, payload: Value, work: Work) -> String {
        let id = Uuid::new_v4().to_string();
        self.events.push(Event {
            id: id.clone(),
            kind,
            status: "PENDING",
            payload,
            results: Vec::new(),
            created_at: now(),
        });
        self.due
            .push_back((Instant::now() + self.delay, id.clone(), work));
        self.work();
        id
    }

    fn work(&mut self) {
        let now = Instant::now();
        while self.due.front().is_some_and(|(due, ..)| *due <= now) {
            let Some((_, id, work)) = self.due.pop_front() else {
                return;
            };
            let (status, results) = match work {
                Work::Fail => ("FAILED", Vec::new()),
                Work::Delete(user) => {
                    self.memories
                        .retain(|memory| memory.user_id.as_ref() != Some(&user));
                    ("SUCCEEDED", Vec::new())
                }
                Work::Keep(memories) => {
                    let results = memories.iter().map(Memory::result).collect();
                    self.memories.extend(memories);
                    ("SUCCEEDED", results)
                }
            };
            // From the end: an event is usually among the latest.
            if let Some(event) = self.events.iter_mut().rev().find(|event| event.id == id) {
                event.status = status;
                event.results = results;
            }
        }
    }
}

impl Memory {
    /// As the platform's API tells of it when it is new.
    pub(super) fn result(&self) -> Value {
        json!({"id": self.id, "data": {"memory": self.text}, "event": "ADD"})
    }
}

/// The present, as both APIs write it.
pub(super) fn now() -> String {
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default()
}
