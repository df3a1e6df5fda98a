//! All that we hold of a user, as lines of JSON, page by page.
//!
//! Not as one stream: an HTTP API in front of Lambda has the whole answer before it sends any of it, and lets
//! 6 MB pass. So a page ends within 4 MB, and says where the next begins. Neither the database nor the
//! function ever holds more than a page.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{App, DATABASE_DEADLINE};
use crate::adapters::supabase::ExportCursor;
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::problem::Problem;

/// Lines that the database is asked for at a time.
const STEP: i32 = 200;

/// A page that is this long, in bytes, ends. A step adds 2 MB and a line at most, and a line has 1.1 MB: 4 MB
/// at worst, where Vercel lets 4.5 MB pass.
const ENOUGH: usize = 750_000;

/// A page that took so long ends too.
const LONG: Duration = Duration::from_secs(5);

/// One page: lines, and as the last one `{"type":"next","cursor":…}` or `{"type":"end"}`.
pub async fn export_memory(
    app: &App,
    user: UserId,
    cursor: Option<&str>,
) -> Result<Vec<u8>, Problem> {
    let mut place = match cursor {
        None => ExportCursor::START,
        Some(text) => read_cursor(text)
            .ok_or_else(|| Problem::fault("/query/cursor", "is not a cursor of ours"))?,
    };
    let time = Deadline::after(LONG);
    let mut page = Vec::new();
    loop {
        let deadline = Deadline::after(DATABASE_DEADLINE);
        let lines = app.supabase.export(user, place, STEP, deadline).await?;
        for line in &lines {
            page.extend_from_slice(line.json.as_bytes());
            page.push(b'\n');
        }
        let last = match lines.last() {
            None => json!({ "type": "end" }),
            Some(line) => {
                place = line.place;
                if page.len() < ENOUGH && !time.remaining().is_zero() {
                    continue;
                }
                json!({ "type": "next", "cursor": write_cursor(place) })
            }
        };
        page.extend_from_slice(last.to_string().as_bytes());
        page.push(b'\n');
        return Ok(page);
    }
}

/// Opaque to clients.
fn write_cursor(place: ExportCursor) -> String {
    let micros = place.at.unix_timestamp_nanos() / 1000;
    let text = format!("{}.{micros}.{}.{}", place.part, place.id, place.seq);
    URL_SAFE_NO_PAD.encode(text)
}

pub(crate) fn read_cursor(text: &str) -> Option<ExportCursor> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let mut parts = text.split('.');
    let part = parts
        .next()?
        .parse()
        .ok()
        .filter(|part| (0..=2).contains(part))?;
    let nanos = parts.next()?.parse::<i128>().ok()?.checked_mul(1000)?;
    let place = ExportCursor {
        part,
        at: OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?,
        id: Uuid::try_parse(parts.next()?).ok()?,
        seq: parts.next()?.parse().ok()?,
    };
    // Postgres knows fewer years.
    let is_known = (1970..=9999).contains(&place.at.year());
    (parts.next().is_none() && is_known).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_anything_else_does_not() {
        let place = ExportCursor {
            part: 1,
            at: OffsetDateTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
            id: Uuid::from_u128(5),
            seq: 7,
        };
        assert_eq!(read_cursor(&write_cursor(place)), Some(place));
        for bad in [
            "",
            "!!",
            "3.0.00000000-0000-0000-0000-000000000000.0",
            "0.-99999999999999999999.00000000-0000-0000-0000-000000000000.0",
            "0.0.x.0",
            "0.0.00000000-0000-0000-0000-000000000000.0.0",
        ] {
            assert_eq!(read_cursor(&URL_SAFE_NO_PAD.encode(bad)), None, "{bad}");
        }
        assert_eq!(read_cursor("rubbish!"), None);
    }
}
