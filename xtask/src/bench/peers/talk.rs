//! What all contenders are told and asked: the conversations of the data, and made-up talk for the other
//! users.

use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::super::growth::words::Words;
use super::super::recall::dataset::{Category, Conversation, Dataset, Question, Session, Turn};
use crate::Error;

/// Turns of a session that was made up.
const SESSION: usize = 25;

/// Questions of a user who was made up.
const QUESTIONS: usize = 20;

/// When made-up talk began.
const BEGAN: OffsetDateTime = datetime!(2026-01-05 09:00 UTC);

/// All users, and what they said.
pub(super) struct Talk {
    pub(super) users: Vec<User>,
}

pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) conversation: Conversation,
    /// Whether the questions have known answers.
    pub(super) judged: bool,
}

/// A turn on its way.
pub(super) struct Said<'a> {
    pub(super) user: usize,
    pub(super) session: &'a str,
    pub(super) turn: &'a Turn,
    pub(super) at: OffsetDateTime,
}

/// A question, and whose it is.
pub(super) struct Asked<'a> {
    pub(super) user: usize,
    pub(super) question: &'a Question,
}

impl Talk {
    /// A user for each conversation of the data, and others up to `users` with so many turns each.
    pub(super) fn new(data: Option<&Path>, users: usize, turns: usize) -> Result<Self, Error> {
        let real = match data {
            Some(path) => Dataset::read(path, None)?.conversations,
            None => Vec::new(),
        };
        let judged = real.len();
        let mut words = Words::new(20_260_105);
        let made = (judged..users).map(|_| made_up(turns, &mut words));
        let all: Vec<Conversation> = real.into_iter().chain(made).collect();
        let numbered = all.into_iter().enumerate();
        Ok(Self {
            users: numbered
                .map(|(place, conversation)| User {
                    id: Uuid::new_v4(),
                    conversation,
                    judged: place < judged,
                })
                .collect(),
        })
    }

    /// Every turn; users take turns, and each user's stay in order.
    pub(super) fn turns(&self) -> Vec<Said<'_>> {
        self.in_turns(|user, conversation| {
            let sessions = conversation.sessions.iter();
            sessions
                .flat_map(|session| {
                    let places = (0_u32..).zip(&session.turns);
                    places.map(|(place, turn)| Said {
                        user,
                        session: &session.id,
                        turn,
                        at: session.began + place * Duration::from_secs(1),
                    })
                })
                .collect()
        })
    }

    /// Every question; users take turns.
    pub(super) fn questions(&self) -> Vec<Asked<'_>> {
        self.in_turns(|user, conversation| {
            let questions = conversation.questions.iter();
            questions.map(|question| Asked { user, question }).collect()
        })
    }

    fn in_turns<'a, T>(&'a self, of: impl Fn(usize, &'a Conversation) -> Vec<T>) -> Vec<T> {
        let users = self.users.iter().enumerate();
        let mut rest: Vec<_> = users
            .map(|(place, user)| of(place, &user.conversation).into_iter())
            .collect();
        let mut all = Vec::new();
        loop {
            let before = all.len();
            all.extend(rest.iter_mut().filter_map(Iterator::next));
            if all.len() == before {
                return all;
            }
        }
    }
}

fn made_up(turns: usize, words: &mut Words) -> Conversation {
    let mut session = |number: usize| Session {
        id: format!("session_{}", number + 1),
        began: BEGAN + number as u32 * Duration::from_hours(24),
        turns: (0..SESSION.min(turns - number * SESSION))
            .map(|place| Turn {
                id: format!("D{}:{}", number + 1, place + 1),
                speaker: ["Ada", "Ben"][place % 2].to_owned(),
                text: words.between(12, 40),
                caption: None,
            })
            .collect(),
    };
    let sessions: Vec<Session> = (0..turns.div_ceil(SESSION)).map(&mut session).collect();
    let all: Vec<&Turn> = sessions.iter().flat_map(|session| &session.turns).collect();
    let step = all.len().div_ceil(QUESTIONS).max(1);
    let questions = all.iter().step_by(step).map(|turn| Question {
        text: turn.text.split(' ').take(8).collect::<Vec<_>>().join(" "),
        category: Category::SingleHop,
        evidence: [turn.id.clone()].into(),
    });
    Conversation {
        questions: questions.collect(),
        sessions,
    }
}

#[cfg(test)]
mod tests {
    use super::Talk;

    #[test]
    fn users_take_turns_and_their_own_stay_in_order() {
        let talk = Talk::new(None, 3, 30).unwrap();
        let turns = talk.turns();
        let users: Vec<usize> = turns.iter().take(4).map(|said| said.user).collect();
        assert_eq!((turns.len(), users), (90, vec![0, 1, 2, 0]));
        let ids = turns.iter().filter(|said| said.user == 1);
        let ids: Vec<&str> = ids.map(|said| said.turn.id.as_str()).collect();
        assert_eq!((ids[0], ids[24], ids[25]), ("D1:1", "D1:25", "D2:1"));
        assert_eq!(talk.questions().len(), 45);
        assert!(talk.users.iter().all(|user| !user.judged));
    }
}
