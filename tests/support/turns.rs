//! Turns to send, and waiting for what becomes of them.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

/// A turn of the user.
pub fn turn(id: &str, text: &str) -> Value {
    json!({ "id": id, "role": "user", "content": text })
}

/// A word that stands nowhere else: what is found by it was found on purpose.
pub fn marked(word: &str) -> String {
    format!("{word}{}", Uuid::new_v4().simple())
}

/// Waits for something that must happen within 20 seconds.
pub async fn until(happened: impl AsyncFn() -> bool) {
    let wait = async {
        while !happened().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.expect("it did not happen in time");
}
