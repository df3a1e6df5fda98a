//! What stands in addresses: ids in paths, and pages in queries.

use super::{check_refusal, request};
use crate::orchestrator::{read_export_cursor, read_session_cursor, read_turn_cursor};

/// `path?query`.
pub fn addresses(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let request = request(path, query, &[]);
    match request.last_segment() {
        Ok(id) => {
            assert!((1..=255).contains(&id.chars().count()));
            assert!(!id.chars().any(char::is_control));
        }
        Err(problem) => check_refusal(&problem),
    }
    match request.page() {
        Ok((cursor, limit)) => {
            assert!((1..=100).contains(&limit));
            check_cursor(&cursor.unwrap_or_default());
        }
        Err(problem) => check_refusal(&problem),
    }
}

/// What is taken for a cursor, Postgres must be able to compare with.
fn check_cursor(text: &str) {
    let years = 1..=9999;
    let sessions = read_session_cursor(text);
    assert!(sessions.is_none_or(|place| years.contains(&place.updated_at.year())));
    let export = read_export_cursor(text);
    assert!(export.is_none_or(|place| years.contains(&place.at.year())));
    // Any number is a turn's; the adapter cuts those that no turn has.
    read_turn_cursor(text);
}
