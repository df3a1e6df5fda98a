//! Turns to send.

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
