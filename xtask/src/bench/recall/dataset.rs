//! Conversations in LoCoMo's JSON format (<https://github.com/snap-research/locomo>): an array of
//! `{sample_id, conversation: {session_N: [turn], session_N_date_time}, qa: [question]}`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::dates::moment;
use super::evidence;
use crate::Error;

/// What a file holds, as far as recall is measured by it.
#[derive(Debug, Default)]
pub(crate) struct Dataset {
    pub(crate) conversations: Vec<Conversation>,
    /// Questions of the counted categories that name no turn that exists: nothing can be measured by them.
    pub(crate) without_evidence: usize,
    /// Ids in evidence that no turn has; they are left out.
    pub(crate) unknown_evidence: usize,
}

/// Two people's talk, over months.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) sessions: Vec<Session>,
    /// Of the counted categories, each with evidence.
    pub(crate) questions: Vec<Question>,
}

/// What was said on one occasion.
#[derive(Debug)]
pub(crate) struct Session {
    /// `session_7`
    pub(crate) id: String,
    pub(crate) began: OffsetDateTime,
    pub(crate) turns: Vec<Turn>,
}

/// One turn.
#[derive(Debug)]
pub(crate) struct Turn {
    /// `D7:12`; no other turn of the conversation has it.
    pub(crate) id: String,
    pub(crate) speaker: String,
    pub(crate) text: String,
    /// What a shared picture shows, in a captioning model's words.
    pub(crate) caption: Option<String>,
}

/// A question, and the turns that answer it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) category: Category,
    /// Never empty.
    pub(crate) evidence: BTreeSet<String>,
}

/// The categories whose answers stand in the conversation. The fifth has none and is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Category {
    /// 1
    MultiHop,
    /// 2
    Temporal,
    /// 3
    OpenDomain,
    /// 4
    SingleHop,
}

impl Category {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Self; 4] = [
        Self::MultiHop,
        Self::Temporal,
        Self::OpenDomain,
        Self::SingleHop,
    ];

    /// As the paper calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MultiHop => "multi-hop",
            Self::Temporal => "temporal",
            Self::OpenDomain => "open-domain",
            Self::SingleHop => "single-hop",
        }
    }

    fn of_number(number: u64) -> Option<Self> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        Self::ALL.get(place).copied()
    }
}

#[derive(Deserialize)]
struct RawConversation {
    conversation: Map<String, Value>,
    qa: Vec<RawQuestion>,
}

#[derive(Deserialize)]
struct RawTurn {
    #[serde(default)]
    dia_id: String,
    #[serde(default)]
    speaker: String,
    #[serde(default)]
    text: String,
    blip_caption: Option<String>,
}

#[derive(Deserialize)]
struct RawQuestion {
    question: String,
    category: u64,
    #[serde(default)]
    evidence: Vec<String>,
}

impl Dataset {
    /// Reads a file, or its first so many conversations.
    ///
    /// # Errors
    /// When it is not there, has another format, or holds no question that can be measured; the text
    /// names the file.
    pub(crate) fn read(path: &Path, limit: Option<usize>) -> Result<Self, Error> {
        let named = |what: String| format!("{}: {what}", path.display());
        let json = std::fs::read(path).map_err(|error| named(error.to_string()))?;
        let dataset = Self::parse(&json, limit.unwrap_or(usize::MAX))
            .map_err(|error| named(format!("not in LoCoMo's format: {error}")))?;
        let mut conversations = dataset.conversations.iter();
        if conversations.all(|conversation| conversation.questions.is_empty()) {
            return Err(named("no question of categories 1 to 4 with evidence".to_owned()).into());
        }
        Ok(dataset)
    }

    fn parse(json: &[u8], limit: usize) -> Result<Self, Error> {
        let raw: Vec<RawConversation> = serde_json::from_slice(json)?;
        let mut dataset = Self::default();
        for (place, raw) in raw.into_iter().take(limit).enumerate() {
            let sessions = sessions(raw.conversation)
                .map_err(|error| format!("conversation {}: {error}", place + 1))?;
            let questions = dataset.questions(raw.qa, &sessions);
            dataset.conversations.push(Conversation {
                sessions,
                questions,
            });
        }
        Ok(dataset)
    }

    /// How many turns there are.
    pub(crate) fn turns(&self) -> usize {
        let conversations = self.conversations.iter();
        conversations.map(Conversation::turns).sum()
    }

    fn questions(&mut self, raw: Vec<RawQuestion>, sessions: &[Session]) -> Vec<Question> {
        let turns = sessions.iter().flat_map(|session| &session.turns);
        let known: BTreeSet<&str> = turns.map(|turn| turn.id.as_str()).collect();
        let mut questions = Vec::new();
        for raw in raw {
            let Some(category) = Category::of_number(raw.category) else {
                continue;
            };
            let named = raw.evidence.iter().flat_map(|text| evidence::ids(text));
            let (evidence, unknown): (BTreeSet<String>, BTreeSet<String>) =
                named.partition(|id| known.contains(id.as_str()));
            self.unknown_evidence += unknown.len();
            if evidence.is_empty() {
                self.without_evidence += 1;
                continue;
            }
            questions.push(Question {
                text: raw.question,
                category,
                evidence,
            });
        }
        questions
    }
}

impl Conversation {
    /// How many turns it has.
    pub(crate) fn turns(&self) -> usize {
        self.sessions
            .iter()
            .map(|session| session.turns.len())
            .sum()
    }
}

/// The sessions in their order; empty ones and dates without a session are no sessions.
fn sessions(mut raw: Map<String, Value>) -> Result<Vec<Session>, Error> {
    let numbers: BTreeMap<u32, String> = raw
        .iter()
        .filter(|(_, value)| value.as_array().is_some_and(|turns| !turns.is_empty()))
        .filter_map(|(key, _)| Some((key.strip_prefix("session_")?.parse().ok()?, key.clone())))
        .collect();
    let mut taken = BTreeSet::new();
    let mut sessions = Vec::new();
    for id in numbers.into_values() {
        let date = raw.get(&format!("{id}_date_time")).and_then(Value::as_str);
        let began = date.and_then(moment).ok_or_else(|| {
            format!(
                "{id} has no date that can be read: {}",
                date.unwrap_or("none")
            )
        })?;
        let turns: Vec<RawTurn> = serde_json::from_value(raw.remove(&id).unwrap_or_default())
            .map_err(|error| format!("{id}: {error}"))?;
        let turns = turns
            .into_iter()
            .enumerate()
            .map(|(place, raw)| turn(raw, &id, place, &mut taken))
            .collect();
        sessions.push(Session { id, began, turns });
    }
    Ok(sessions)
}

fn turn(raw: RawTurn, session: &str, place: usize, taken: &mut BTreeSet<String>) -> Turn {
    let mut id = evidence::id(&raw.dia_id);
    // Evidence means the first of two turns with one id; the other is said all the same.
    if id.is_empty() || !taken.insert(id.clone()) {
        id = format!("{session}/{}", place + 1);
    }
    Turn {
        id,
        speaker: raw.speaker.trim().to_owned(),
        text: raw.text.trim().to_owned(),
        caption: raw
            .blip_caption
            .map(|caption| caption.trim().to_owned())
            .filter(|caption| !caption.is_empty()),
    }
}

#[cfg(test)]
mod tests;
