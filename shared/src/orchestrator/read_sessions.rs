//! Reading sessions page by page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::{SessionCursor, SessionRow, TurnRow};
use crate::contract::answers::{SessionAnswer, SessionPage, SessionSummary, StoredTurn};
use crate::contract::bodies::Role;
use crate::contract::scalars::{ClientId, Moment};
use crate::domain::deadline::Deadline;
use crate::domain::ids::{Id, UserId};
use crate::problem::Problem;

/// A page of the user's sessions, the latest first.
pub async fn list_sessions(
    app: &App,
    user: UserId,
    cursor: Option<&str>,
    limit: u32,
) -> Result<SessionPage, Problem> {
    let after = cursor
        .map(|text| read_session_cursor(text).ok_or_else(bad_cursor))
        .transpose()?;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let mut rows = app
        .supabase
        .list_sessions(user, after, limit + 1, deadline)
        .await?;
    let next_cursor = cut(&mut rows, limit)
        .then(|| rows.last().map(write_session_cursor))
        .flatten();
    Ok(SessionPage {
        sessions: rows.into_iter().map(summary).collect(),
        next_cursor,
    })
}

/// A session and a page of its turns, in order.
pub async fn read_session(
    app: &App,
    user: UserId,
    session: &ClientId,
    cursor: Option<&str>,
    limit: u32,
) -> Result<SessionAnswer, Problem> {
    let after = cursor
        .map(|text| read_turn_cursor(text).ok_or_else(bad_cursor))
        .transpose()?;
    let id = Id::of_session(user, session).uuid;
    let deadline = Deadline::after(DATABASE_DEADLINE);
    let (session, rows) = app
        .supabase
        .read_session(user, id, after.unwrap_or(0), limit, deadline)
        .await?;
    let next_cursor = rows
        .last()
        .filter(|turn| turn.seq < session.last_seq)
        .map(|turn| encode(&turn.seq.to_string()));
    let turns: Option<Vec<StoredTurn>> = rows.into_iter().map(stored_turn).collect();
    Ok(SessionAnswer {
        session: summary(session),
        turns: turns.ok_or_else(|| Problem::Internal("a turn of an unknown role".to_owned()))?,
        next_cursor,
    })
}

/// Cuts the row beyond the page off, and says whether there was one.
fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    more
}

fn summary(row: SessionRow) -> SessionSummary {
    SessionSummary {
        session_id: row.external_id.unwrap_or_else(|| row.id.to_string()),
        title: row.title,
        metadata: row.metadata,
        turn_count: row.last_seq,
        last_synced_at: row.last_synced_at.map(Moment),
        created_at: Moment(row.created_at),
        updated_at: Moment(row.updated_at),
    }
}

fn stored_turn(row: TurnRow) -> Option<StoredTurn> {
    Some(StoredTurn {
        id: row.external_id.unwrap_or_else(|| row.id.to_string()),
        turn_id: row.id,
        seq: row.seq,
        revision: row.revision,
        role: Role::from_word(&row.role)?,
        name: row.name,
        content: row.content,
        attachments: row.attachments,
        tool_calls: row.tool_calls,
        tool_results: row.tool_results,
        metadata: row.metadata,
        created_at: Moment(row.created_at),
    })
}

/// Opaque to clients: microseconds and id of the last session.
fn write_session_cursor(row: &SessionRow) -> String {
    let micros = row.updated_at.unix_timestamp_nanos() / 1000;
    encode(&format!("{micros}.{}", row.id))
}

pub(crate) fn read_session_cursor(text: &str) -> Option<SessionCursor> {
    let text = decode(text)?;
    let (micros, id) = text.split_once('.')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1000)?;
    let updated_at = OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?;
    // Postgres knows fewer years.
    let is_known = (1..=9999).contains(&updated_at.year());
    is_known.then_some(SessionCursor {
        updated_at,
        id: Uuid::try_parse(id).ok()?,
    })
}

/// The sequence number of the last turn.
pub(crate) fn read_turn_cursor(text: &str) -> Option<u32> {
    decode(text)?.parse().ok()
}

fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn bad_cursor() -> Problem {
    Problem::fault("/query/cursor", "is not a cursor of ours")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_anything_else_does_not() {
        let id = Uuid::from_u128(5);
        let text = encode(&format!("1700000000123456.{id}"));
        let cursor = read_session_cursor(&text).unwrap();
        assert_eq!(cursor.id, id);
        assert_eq!(
            cursor.updated_at.unix_timestamp_nanos(),
            1_700_000_000_123_456_000
        );
        for bad in [
            "",
            "x",
            "!!",
            &encode("1.2"),
            &encode(&format!("-300000000000000000.{id}")),
            &encode(&format!("{}.{id}", i128::MAX)),
        ] {
            assert!(read_session_cursor(bad).is_none(), "{bad}");
        }
    }
}
