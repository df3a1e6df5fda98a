//! What a user does, and what must come of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use fastrand::Rng;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    caller::{Answer, Caller, Finding},
    memory::{Memory, SESSIONS, Said},
};

/// A user at work.
pub(super) struct Walk {
    pub(super) random: Rng,
    pub(super) caller: Caller,
    pub(super) memory: Memory,
}

/// The shares of the operations, of a thousand.
const SHARES: [(u16, &str); 18] = [
    (300, "record turns"),
    (50, "repeat a turn"),
    (40, "a turn with another body"),
    (60, "replace a turn"),
    (30, "an erased turn again"),
    (20, "a turn in a second session"),
    (170, "context"),
    (60, "list sessions"),
    (100, "read a session"),
    (40, "sync"),
    (15, "backfill"),
    (40, "export"),
    (20, "erase a session"),
    (3, "erase everything"),
    (12, "list erasures"),
    (20, "another's job"),
    (10, "a job without a signature"),
    (10, "health"),
];

impl Walk {
    /// Does one thing, and says which.
    pub(super) async fn step(&mut self) -> (&'static str, Result<(), Finding>) {
        let mut dice = self.random.u16(0..1000);
        let operation = SHARES.iter().find(|(share, _)| {
            let hit = dice < *share;
            dice = dice.saturating_sub(*share);
            hit
        });
        let operation = operation.map_or("health", |(_, operation)| *operation);
        let done = match operation {
            "record turns" => self.record().await,
            "repeat a turn" => self.repeat().await,
            "a turn with another body" => self.conflict().await,
            "replace a turn" => self.replace().await,
            "an erased turn again" => self.erased_again().await,
            "a turn in a second session" => self.second_session().await,
            "context" => self.context().await,
            "list sessions" => self.list().await,
            "read a session" => self.read_any().await,
            "sync" => self.bring_up_to_date("sync").await,
            "backfill" => self.bring_up_to_date("backfill").await,
            "export" => self.export().await,
            "erase a session" => self.erase_session().await,
            "erase everything" => self.erase_everything().await,
            "list erasures" => self.list_erasures().await,
            "another's job" => self.another_job().await,
            "a job without a signature" => self.unsigned_job().await,
            _ => self.health().await,
        };
        (operation, done)
    }

    pub(super) fn session(&mut self) -> &'static str {
        SESSIONS[self.random.usize(0..SESSIONS.len())]
    }

    async fn post_turns(
        &mut self,
        session: &str,
        turns: &[Said],
        replace: bool,
    ) -> Result<Answer, Finding> {
        let body = json!({
            "sessionId": session,
            "title": format!("{}'s {session}", self.memory.mark),
            "onConflict": if replace { "replace" } else { "reject" },
            "turns": turns.iter().map(Said::body).collect::<Vec<_>>(),
        });
        let (random, caller) = (&mut self.random, &mut self.caller);
        caller
            .ask(random, Method::POST, "/api/turns", Some(body))
            .await
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Finding> {
        let (random, caller) = (&mut self.random, &mut self.caller);
        caller.ask(random, Method::GET, path, None).await
    }

    async fn delete(&mut self, path: &str) -> Result<Answer, Finding> {
        let (random, caller) = (&mut self.random, &mut self.caller);
        caller.ask(random, Method::DELETE, path, None).await
    }

    async fn record(&mut self) -> Result<(), Finding> {
        let session = self.session();
        let count = self.random.usize(1..=3);
        let turns: Vec<Said> = (0..count)
            .map(|_| self.memory.new_turn(&mut self.random))
            .collect();
        let answer = self.post_turns(session, &turns, false).await?;
        answer.is(if answer.repeated { &[200, 201] } else { &[201] })?;
        let known = self.memory.sessions.get(session).map_or(0, Vec::len);
        self.memory.say(session, &turns);
        let places: Vec<u64> = answer
            .each("turns", "seq")
            .filter_map(Value::as_u64)
            .collect();
        let due: Vec<u64> = (known + 1..=known + count)
            .map(|place| place as u64)
            .collect();
        if places != due {
            return Err(answer.wrong(&format!("the places are not {due:?}")));
        }
        Ok(())
    }

    async fn repeat(&mut self) -> Result<(), Finding> {
        let Some((session, said)) = self.memory.any(&mut self.random) else {
            return Ok(());
        };
        let answer = self
            .post_turns(session, std::slice::from_ref(&said), false)
            .await?;
        answer.is(&[200])?;
        self.revision_is(&answer, said.revision)
    }

    async fn conflict(&mut self) -> Result<(), Finding> {
        let Some((session, mut said)) = self.memory.any(&mut self.random) else {
            return Ok(());
        };
        said.text = self.memory.new_text(&mut self.random);
        let fresh = self.memory.new_turn(&mut self.random);
        let answer = self.post_turns(session, &[fresh, said], false).await?;
        answer.is(&[409])
    }

    async fn replace(&mut self) -> Result<(), Finding> {
        let Some((session, mut said)) = self.memory.any(&mut self.random) else {
            return Ok(());
        };
        said.text = self.memory.new_text(&mut self.random);
        said.revision += 1;
        let answer = self
            .post_turns(session, std::slice::from_ref(&said), true)
            .await?;
        answer.is(&[200])?;
        self.memory.replace(session, &said);
        self.revision_is(&answer, said.revision)
    }

    fn revision_is(&self, answer: &Answer, due: u64) -> Result<(), Finding> {
        let turn = &answer.json["turns"][0];
        if turn["revision"] == due && turn["created"] == false {
            return Ok(());
        }
        Err(answer.wrong(&format!("not the known turn in revision {due}")))
    }

    async fn erased_again(&mut self) -> Result<(), Finding> {
        if self.memory.erased.is_empty() {
            return Ok(());
        }
        let place = self.random.usize(0..self.memory.erased.len());
        let (session, id) = self.memory.erased[place].clone();
        let mut said = self.memory.new_turn(&mut self.random);
        said.id = id;
        let answer = self.post_turns(session, &[said], false).await?;
        answer.is(&[410])
    }

    /// A UUID is one turn of the user, wherever it is sent.
    async fn second_session(&mut self) -> Result<(), Finding> {
        let Some((session, said)) = self.memory.any(&mut self.random) else {
            return Ok(());
        };
        let second = self.session();
        if Uuid::try_parse(&said.id).is_err() || session == second {
            return Ok(());
        }
        let answer = self.post_turns(second, &[said], true).await?;
        answer.is(&[409])
    }

    async fn bring_up_to_date(&mut self, how: &str) -> Result<(), Finding> {
        let session = self.session();
        let body = Some(json!({ "sessionId": session }));
        let path = format!("/api/sessions/{how}");
        let (random, caller) = (&mut self.random, &mut self.caller);
        let answer = caller.ask(random, Method::POST, &path, body).await?;
        let Some(said) = self.memory.sessions.get(session) else {
            return answer.is(&[404]);
        };
        answer.is(&[202])?;
        let waiting = answer.json["pending"]["embed"].as_u64();
        if waiting.is_none_or(|waiting| waiting > said.len() as u64) {
            return Err(answer.wrong("more turns wait than there are"));
        }
        Ok(())
    }

    async fn erase_session(&mut self) -> Result<(), Finding> {
        let session = self.session();
        let answer = self.delete(&format!("/api/sessions/{session}")).await?;
        let known = self.memory.sessions.contains_key(session);
        if !known && !self.memory.erased_sessions.contains(session) {
            return answer.is(&[404]);
        }
        answer.is(&[202])?;
        self.memory.forget(session);
        self.memory.erased_sessions.insert(session);
        Ok(())
    }

    async fn erase_everything(&mut self) -> Result<(), Finding> {
        let answer = self.delete("/api/memory").await?;
        answer.is(&[202])?;
        self.memory.forget_all();
        Ok(())
    }

    /// A delivery that QStash signed, for a job that is not this user's, or not there any more.
    async fn another_job(&mut self) -> Result<(), Finding> {
        let job = ["embed", "mem0", "erase", "dead-letter"][self.random.usize(0..4)];
        let id = self.random.u32(1..5000);
        let delivery = json!({
            "version": 1, "userId": self.caller.user, "jobs": { "embed": id, "mem0": id, "erase": id },
        });
        let body = if job == "dead-letter" {
            let body = STANDARD.encode(delivery.to_string());
            json!({ "status": 400, "url": "http://localhost/api/jobs/embed", "sourceBody": body })
        } else {
            delivery
        };
        let answer = self.caller.deliver(&mut self.random, job, &body).await?;
        answer.is(&[200, 404, 423, 503])
    }

    async fn unsigned_job(&mut self) -> Result<(), Finding> {
        let path = ["/api/jobs/embed", "/api/jobs/sweep"][self.random.usize(0..2)];
        let (random, caller) = (&mut self.random, &self.caller);
        let answer = caller.ask_as_nobody(random, Method::POST, path).await?;
        answer.is(&[401])
    }

    async fn health(&mut self) -> Result<(), Finding> {
        let (random, caller) = (&mut self.random, &self.caller);
        let answer = caller
            .ask_as_nobody(random, Method::GET, "/api/health")
            .await?;
        answer.is(&[200])
    }
}
