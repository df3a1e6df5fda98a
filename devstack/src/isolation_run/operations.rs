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

    /// Holds all that there is against all that there must be.
    pub(super) async fn look_at_everything(&mut self) -> Result<(), Finding> {
        self.list().await?;
        for session in SESSIONS {
            self.read(session).await?;
        }
        self.export().await
    }

    fn session(&mut self) -> &'static str {
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

    async fn get(&mut self, path: &str) -> Result<Answer, Finding> {
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

    async fn context(&mut self) -> Result<(), Finding> {
        let wanted = self.memory.any(&mut self.random);
        let in_session = self.random.bool();
        let (session, query) = match &wanted {
            // The word that is this turn's alone.
            Some((session, said)) if self.random.u8(0..3) > 0 => {
                let word = said
                    .text
                    .split(' ')
                    .find(|word| word.starts_with(&self.memory.mark));
                (Some(*session), word.unwrap_or_default().to_owned())
            }
            _ => (
                None,
                "what of the green door, tea and my sister on the train".to_owned(),
            ),
        };
        let mut body = json!({ "query": query, "deadlineMs": 5000, "maxTokens": 8000 });
        if in_session {
            body["sessionId"] = json!(session.unwrap_or(SESSIONS[0]));
            body["scope"] = json!(["user", "session"][self.random.usize(0..2)]);
        }
        let (random, caller) = (&mut self.random, &mut self.caller);
        let answer = caller
            .ask(random, Method::POST, "/api/context", Some(body))
            .await?;
        answer.is(&[200])?;
        let stranger = answer.each("items", "text").any(|text| {
            !text
                .as_str()
                .unwrap_or_default()
                .contains(&self.memory.mark)
        });
        if stranger {
            return Err(answer.wrong("an item that the user has not said"));
        }
        if let (Some(_), Some((_, said))) = (session, wanted)
            && !answer.each("items", "text").any(|text| *text == said.text)
        {
            return Err(answer.wrong(&format!("without what was asked for, {}", said.text)));
        }
        Ok(())
    }

    async fn list(&mut self) -> Result<(), Finding> {
        let answer = self.get("/api/sessions?limit=100").await?;
        answer.is(&[200])?;
        let mut told: Vec<&str> = answer
            .each("sessions", "sessionId")
            .filter_map(Value::as_str)
            .collect();
        told.sort_unstable();
        let mut due: Vec<&str> = self.memory.sessions.keys().copied().collect();
        due.sort_unstable();
        if told != due {
            return Err(answer.wrong(&format!("the sessions are not {due:?}")));
        }
        Ok(())
    }

    async fn read_any(&mut self) -> Result<(), Finding> {
        let session = self.session();
        self.read(session).await
    }

    async fn read(&mut self, session: &str) -> Result<(), Finding> {
        let (mut told, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/sessions/{session}?limit=100{after}");
            let answer = self.get(&path).await?;
            let Some(due) = self.memory.sessions.get(session) else {
                return answer.is(&[404]);
            };
            answer.is(&[200])?;
            told.extend(answer.each("turns", "content").cloned());
            if let Some(cursor) = answer.json["nextCursor"].as_str() {
                after = format!("&cursor={cursor}");
                continue;
            }
            return if told == due.iter().map(|said| json!(said.text)).collect::<Vec<_>>() {
                Ok(())
            } else {
                Err(answer.wrong(&format!("{session} is not {due:?}")))
            };
        }
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

    async fn export(&mut self) -> Result<(), Finding> {
        let (mut told, mut query) = (Vec::new(), String::new());
        loop {
            let answer = self.get(&format!("/api/memory/export{query}")).await?;
            answer.is(&[200])?;
            let lines = answer.text.lines().map(serde_json::from_str::<Value>);
            let lines: Vec<Value> = lines.filter_map(Result::ok).collect();
            let turns = lines.iter().filter(|line| line["type"] == "turn");
            told.extend(turns.map(|turn| turn["content"].clone()));
            match lines.last() {
                Some(last) if last["type"] == "next" => {
                    query = format!("?cursor={}", last["cursor"].as_str().unwrap_or_default());
                }
                _ => break,
            }
        }
        let all = self.memory.sessions.values().flatten();
        let mut due: Vec<&str> = all.map(|said| said.text.as_str()).collect();
        let mut told: Vec<&str> = told.iter().filter_map(Value::as_str).collect();
        due.sort_unstable();
        told.sort_unstable();
        if told != due {
            let what = format!("the export is {told:?} and not {due:?}");
            return Err(Finding::Wrong(what));
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

    async fn list_erasures(&mut self) -> Result<(), Finding> {
        let answer = self.get("/api/memory").await?;
        answer.is(&[200])?;
        let none = answer.each("erasures", "scope").next().is_none();
        if none && !self.memory.erased.is_empty() {
            return Err(answer.wrong("no erasure is known"));
        }
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
