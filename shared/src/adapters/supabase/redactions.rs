//! What was replaced in turns before they left.

use tokio_postgres::types::Type;
use uuid::Uuid;

use super::error::malformed;
use super::transaction::{Actor, Param};
use super::{StoreError, Supabase};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;
use crate::redact::Finding;

const NUMBER: &str = "
select class, hash, number
from memories.number_redactions($1, $2, $3, $4, $5, $6)";

/// A value that is about to be replaced in a turn.
#[derive(Debug)]
pub struct TurnFinding {
    /// In which turn.
    pub turn: Uuid,
    /// In which revision of it.
    pub revision: i32,
    /// All but the value. Its number does not count: the session's does.
    pub finding: Finding,
}

/// Which value has which number in a session.
#[derive(Debug)]
pub struct SessionNumber {
    /// The class's name.
    pub class: String,
    /// The value's keyed hash.
    pub hash: String,
    /// From 1, for each class.
    pub number: u32,
}

impl Supabase {
    /// Gives the session's numbers of the values that were found, writes what is new of them into the audit, and marks
    /// the turns. A repeat changes nothing.
    pub async fn number_redactions(
        &self,
        user: UserId,
        session: Uuid,
        findings: &[TurnFinding],
        deadline: Deadline,
    ) -> Result<Vec<SessionNumber>, StoreError> {
        let all = findings.iter();
        let turns: Vec<Uuid> = all.clone().map(|found| found.turn).collect();
        let revisions: Vec<i32> = all.clone().map(|found| found.revision).collect();
        let classes: Vec<&str> = all.clone().map(|it| it.finding.class.as_str()).collect();
        let hashes: Vec<&str> = all.clone().map(|it| it.finding.hash.as_str()).collect();
        let count = |found: &TurnFinding| i32::try_from(found.finding.count).unwrap_or(i32::MAX);
        let counts: Vec<i32> = all.map(count).collect();
        let params: [Param<'_>; 6] = [
            (&session, Type::UUID),
            (&turns, Type::UUID_ARRAY),
            (&revisions, Type::INT4_ARRAY),
            (&classes, Type::TEXT_ARRAY),
            (&hashes, Type::TEXT_ARRAY),
            (&counts, Type::INT4_ARRAY),
        ];
        let name = "number_redactions";
        let actor = Actor::Worker(user);
        let rows = self
            .transact(name, actor, NUMBER, &params, deadline)
            .await?;
        let read = |row: &tokio_postgres::Row| {
            Ok::<_, tokio_postgres::Error>(SessionNumber {
                class: row.try_get(0)?,
                hash: row.try_get(1)?,
                number: row.try_get::<_, i32>(2)?.unsigned_abs(),
            })
        };
        rows.iter()
            .map(|row| read(row).map_err(malformed))
            .collect()
    }
}
