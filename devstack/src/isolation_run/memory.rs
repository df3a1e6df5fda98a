//! What a user must find: the model that every answer is held against.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

/// Sessions that both users have. Two are UUIDs, and so the very same key of both.
pub(super) const SESSIONS: [&str; 5] = [
    "lisbon",
    "work",
    "3",
    "0192f0c1-2345-7abc-8def-0123456789ab",
    "7d444840-9dc0-11d1-b245-5ffdce74fad2",
];

/// One turn as it was said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) text: String,
    pub(super) role: &'static str,
    pub(super) revision: u64,
}

impl Said {
    pub(super) fn body(&self) -> Value {
        json!({
            "id": self.id, "role": self.role, "content": self.text,
            "metadata": { "note": self.text }, "attachments": [{ "of": self.text }],
        })
    }
}

/// A user's memory.
pub(super) struct Memory {
    /// In every text, title and attachment of this user, and in nobody else's.
    pub(super) mark: String,
    pub(super) sessions: BTreeMap<&'static str, Vec<Said>>,
    /// Turns that may not come back, and where they were.
    pub(super) erased: Vec<(&'static str, String)>,
    /// Sessions that were once erased by name: to be asked for it again is answered, not refused.
    pub(super) erased_sessions: BTreeSet<&'static str>,
    texts: u64,
    ids: u64,
}

impl Memory {
    pub(super) fn new(mark: String) -> Self {
        Self {
            mark,
            sessions: BTreeMap::new(),
            erased: Vec::new(),
            erased_sessions: BTreeSet::new(),
            texts: 0,
            ids: 0,
        }
    }

    /// A turn that nobody has said, with an id that both users come to, each in their own time.
    pub(super) fn new_turn(&mut self, random: &mut Rng) -> Said {
        self.ids += 1;
        let id = if self.ids.is_multiple_of(3) {
            let bytes =
                u128::from(self.ids).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
            Builder::from_random_bytes(bytes.to_be_bytes())
                .into_uuid()
                .to_string()
        } else {
            format!("turn-{}", self.ids)
        };
        Said {
            id,
            text: self.new_text(random),
            role: ["user", "assistant", "tool"][random.usize(0..3)],
            revision: 1,
        }
    }

    /// A text with a word of its own, between words that both users say.
    pub(super) fn new_text(&mut self, random: &mut Rng) -> String {
        self.texts += 1;
        let words = ["tea", "rain", "a green door", "the train", "my sister"];
        let (one, other) = (random.usize(0..words.len()), random.usize(0..words.len()));
        let number = self.texts;
        format!("{} {}{number} {}", words[one], self.mark, words[other])
    }

    /// A turn that is there, and its session.
    pub(super) fn any(&self, random: &mut Rng) -> Option<(&'static str, Said)> {
        let all = || {
            let sessions = self.sessions.iter();
            sessions.flat_map(|(session, said)| said.iter().map(|said| (*session, said)))
        };
        let place = random.usize(0..all().count().max(1));
        all()
            .nth(place)
            .map(|(session, said)| (session, said.clone()))
    }

    pub(super) fn say(&mut self, session: &'static str, said: &[Said]) {
        let turns = self.sessions.entry(session).or_default();
        turns.extend_from_slice(said);
    }

    pub(super) fn replace(&mut self, session: &str, said: &Said) {
        let turns = self.sessions.get_mut(session).into_iter().flatten();
        for turn in turns.filter(|turn| turn.id == said.id) {
            turn.clone_from(said);
        }
    }

    pub(super) fn forget(&mut self, session: &'static str) {
        let turns = self.sessions.remove(session).unwrap_or_default();
        let ids = turns.into_iter().map(|turn| (session, turn.id));
        self.erased.extend(ids);
    }

    pub(super) fn forget_all(&mut self) {
        for session in SESSIONS {
            self.forget(session);
        }
    }
}

/// What belongs to a user alone, as it would stand in another's answer: the mark, the id, and our ids of what
/// both call by the same name.
pub(super) fn own(user: Uuid, mark: &str) -> Vec<String> {
    let sessions = SESSIONS.iter().filter(|id| id.len() != 36);
    let ids = sessions.map(|id| Uuid::new_v5(&user, id.as_bytes()).to_string());
    [mark.to_owned(), user.to_string()]
        .into_iter()
        .chain(ids)
        .collect()
}
