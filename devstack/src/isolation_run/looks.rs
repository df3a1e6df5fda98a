//! What a user looks at, and what must be there.

use reqwest::Method;
use serde_json::{Value, json};

use super::{caller::Finding, memory::SESSIONS, operations::Walk};

impl Walk {
    /// Holds all that there is against all that there must be.
    pub(super) async fn look_at_everything(&mut self) -> Result<(), Finding> {
        self.list().await?;
        for session in SESSIONS {
            self.read(session).await?;
        }
        self.export().await
    }

    pub(super) async fn context(&mut self) -> Result<(), Finding> {
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

    pub(super) async fn list(&mut self) -> Result<(), Finding> {
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

    pub(super) async fn read_any(&mut self) -> Result<(), Finding> {
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

    pub(super) async fn export(&mut self) -> Result<(), Finding> {
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

    pub(super) async fn list_erasures(&mut self) -> Result<(), Finding> {
        let answer = self.get("/api/memory").await?;
        answer.is(&[200])?;
        let none = answer.each("erasures", "scope").next().is_none();
        if none && !self.memory.erased.is_empty() {
            return Err(answer.wrong("no erasure is known"));
        }
        Ok(())
    }
}
