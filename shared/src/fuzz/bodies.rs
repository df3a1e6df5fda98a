//! The bodies that callers send.

use uuid::Uuid;

use super::{check_refusal, request};
use crate::contract::bodies::{BackfillSession, FetchContext, RecordTurns, SyncSession};
use crate::contract::shape::Read;
use crate::domain::ids::{Id, UserId};
use crate::domain::turn::NewTurn;
use crate::endpoints::Request;

/// One body, read as each endpoint's. Turns go on to what the database is given.
pub fn bodies(data: &[u8]) {
    let request = request("/", "", data);
    read::<SyncSession>(&request);
    read::<BackfillSession>(&request);
    if let Some(body) = read::<FetchContext>(&request) {
        assert!(body.limit.is_none_or(|limit| (1..=100).contains(&limit.0)));
    }
    if let Some(body) = read::<RecordTurns>(&request) {
        let user = UserId(Uuid::nil());
        let session = Id::of_session(user, &body.session_id);
        assert!((1..=100).contains(&body.turns.0.len()));
        for turn in body.turns.0 {
            let turn = NewTurn::new(user, &session, turn);
            // What is stored is read again as what was sent.
            let stored = turn.metadata.as_ref().map(ToString::to_string);
            let read = stored.and_then(|text| serde_json::from_str(&text).ok());
            assert_eq!(read, turn.metadata);
            // Postgres could not store it.
            assert!(
                !turn.text.expose().contains('\0') && !turn.content.to_string().contains("\\u0000")
            );
        }
    }
}

fn read<T: Read>(request: &Request) -> Option<T> {
    let read = request.json::<T>();
    read.inspect_err(check_refusal).ok()
}
