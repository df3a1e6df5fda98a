//! What the real engine needs of OpenAI: embeddings that compare words, and a language model that
//! takes every message for one fact, in its own words. Deterministic, and on this machine.

use std::io;
use std::net::Ipv4Addr;

use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::embedder::lexical::Lexical;

/// A running stub; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct OpenAi {
    url: String,
    server: JoinHandle<()>,
}

impl OpenAi {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let embeddings = embedder_http::router(Lexical::default(), Default::default());
        let routes: Router = embeddings.route("/v1/chat/completions", post(complete));
        let server = tokio::spawn(async move {
            let _ = embedder_http::serve(listener, routes).await;
        });
        Ok(Self { url, server })
    }

    /// With `/v1`, as OpenAI's SDKs want it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for OpenAi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// `POST /v1/chat/completions`, <https://platform.openai.com/docs/api-reference/chat/create>.
async fn complete(Json(request): Json<Value>) -> Json<Value> {
    let prompt = request["messages"]
        .as_array()
        .and_then(|messages| messages.last()?["content"].as_str())
        .unwrap_or_default();
    let content = json!({"memory": facts(prompt)}).to_string();
    Json(json!({
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 0,
        "model": request["model"],
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": content},
            "finish_reason": "stop",
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }))
}

/// One fact a new message. The engine's prompt has sections, and in that of the new messages a line
/// `role: text` each.
fn facts(prompt: &str) -> Vec<Value> {
    let section = prompt.split("## New Messages\n").nth(1).unwrap_or_default();
    let section = section.split("\n\n## ").next().unwrap_or_default();
    let spoken = |line: &str| {
        let (role, text) = line.split_once(": ")?;
        matches!(role, "user" | "assistant").then(|| (role.to_owned(), text.to_owned()))
    };
    let mut messages: Vec<(String, String)> = Vec::new();
    for line in section.lines().filter(|line| !line.trim().is_empty()) {
        match (spoken(line), messages.last_mut()) {
            (Some(message), _) => messages.push(message),
            (None, Some((_, text))) => {
                text.push('\n');
                text.push_str(line);
            }
            (None, None) => {}
        }
    }
    messages
        .into_iter()
        .enumerate()
        .map(
            |(id, (role, text))| json!({"id": id.to_string(), "text": text, "attributed_to": role}),
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::facts;

    #[test]
    fn every_new_message_is_a_fact() {
        let prompt = "## Existing Memories\n[]\n\n## New Messages\nuser: I like tea\nand rain\n\
                      assistant: Noted\n\n\n## Observation Date\n2026-01-01";
        let facts = facts(prompt);
        assert_eq!(facts[0]["text"], "I like tea\nand rain");
        assert_eq!(facts[1]["attributed_to"], "assistant");
        assert_eq!(facts.len(), 2);
    }
}
