//! What is lost, doubled, or given up without a reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use uuid::Uuid;

use super::{parts::Parts, plan::Plan};
use crate::stack::Error;

/// Every turn as it ended: what it says, and what each adapter has of it.
const TURNS: &str = "
select
    t.user_id, t.id, coalesce(s.external_id, s.id::text), coalesce(t.external_id, t.id::text), t.text,
    t.revision,
    (
        select count(*)
        from memories.turn_embeddings as e
        where e.user_id = t.user_id and e.turn_id = t.id and e.revision = t.revision
    ),
    (select a.state from memories.adapter_syncs as a where a.user_id = t.user_id and a.turn_id = t.id and a.adapter = 'embed'),
    (select a.state from memories.adapter_syncs as a where a.user_id = t.user_id and a.turn_id = t.id and a.adapter = 'mem0'),
    exists (
        select from memories.adapter_syncs as a
        where a.user_id = t.user_id and a.turn_id = t.id and a.state = 'dead'
            and not exists (
                select from memories.audit as d
                where d.user_id = t.user_id and d.kind = 'dead_letter' and d.details ->> 'turnId' = t.id::text
                    and d.details ->> 'reason' = a.last_error_code
            )
    )
from memories.turns as t
join memories.sessions as s on s.user_id = t.user_id and s.id = t.session_id";

/// Places in a session that are missing or taken twice.
const OUT_OF_LINE: &str = "
select count(*)
from memories.sessions as s
where s.last_seq <> (
    select count(*) from memories.turns as t where t.user_id = s.user_id and t.session_id = s.id
)
or s.last_seq <> (
    select coalesce(max(t.seq), 0) from memories.turns as t where t.user_id = s.user_id and t.session_id = s.id
)";

const QUEUED: &str = "
select (select count(*) from pgmq.q_memory_embed) + (select count(*) from pgmq.q_memory_mem0)";

/// The outcome, in turns. Everything but the first four and the last is a fault of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Recorded, as they were said last.
    pub recorded: usize,
    /// Embedded, once, as they were said last.
    pub embedded: usize,
    /// At Mem0, once, as they were said last.
    pub pushed: usize,
    /// Not Mem0's.
    pub skipped: usize,
    /// Said and acknowledged, and not there.
    pub lost: usize,
    /// There twice, or there and never said.
    pub doubled: usize,
    /// There with another text than the last one that was said.
    pub altered: usize,
    /// Sessions whose places have gaps.
    pub out_of_line: i64,
    /// Done by our books, and without a vector of the last revision.
    pub not_embedded: usize,
    /// At Mem0 more than once, or as they were before.
    pub pushed_twice: usize,
    /// Done by our books, and not at Mem0.
    pub not_pushed: usize,
    /// Still waiting.
    pub pending: usize,
    /// Jobs still queued.
    pub queued: i64,
    /// Given up, though nothing was wrong with the turn.
    pub dead_by_accident: usize,
    /// Given up without a reason.
    pub dead_without_reason: usize,
    /// Given up, rightly: no embedder takes it.
    pub dead: usize,
}

impl Verdict {
    /// Holds what is there against what was said.
    pub(super) async fn of(plan: &Plan, parts: &Parts) -> Result<Self, Error> {
        let admin = parts.database.admin().await?;
        let mut stored: BTreeMap<(Uuid, String, String), Vec<tokio_postgres::Row>> =
            BTreeMap::new();
        for row in admin.query(TURNS, &[]).await? {
            let key = (row.get(0), row.get(2), row.get(3));
            stored.entry(key).or_default().push(row);
        }
        let pushed = pushed(parts);
        let mut verdict = Self {
            recorded: 0,
            embedded: 0,
            pushed: 0,
            skipped: 0,
            lost: 0,
            doubled: 0,
            altered: 0,
            out_of_line: admin.query_one(OUT_OF_LINE, &[]).await?.get(0),
            not_embedded: 0,
            pushed_twice: 0,
            not_pushed: 0,
            pending: 0,
            queued: admin.query_one(QUEUED, &[]).await?.get(0),
            dead_by_accident: 0,
            dead_without_reason: 0,
            dead: 0,
        };
        let mut said = BTreeSet::new();
        for (user, session, turn) in plan.said() {
            let key = (user, session.to_owned(), turn.id.clone());
            match stored.get(&key).map(Vec::as_slice) {
                None | Some([]) => verdict.lost += 1,
                Some([row, more @ ..]) => {
                    verdict.doubled += more.len();
                    verdict.judge(turn, row, &pushed);
                }
            }
            said.insert(key);
        }
        verdict.doubled += stored.keys().filter(|key| !said.contains(*key)).count();
        Ok(verdict)
    }

    fn judge(
        &mut self,
        turn: &super::plan::Turn,
        row: &tokio_postgres::Row,
        pushed: &BTreeMap<String, BTreeMap<i64, usize>>,
    ) {
        let (id, text, revision): (Uuid, String, i32) = (row.get(1), row.get(4), row.get(5));
        let (vectors, embed, mem0): (i64, Option<&str>, Option<&str>) =
            (row.get(6), row.get(7), row.get(8));
        if text == turn.text {
            self.recorded += 1;
        } else {
            self.altered += 1;
        }
        self.dead_without_reason += usize::from(row.get::<_, bool>(9));
        match (embed, vectors) {
            (Some("done"), 1) => self.embedded += 1,
            (Some("dead"), 0) if turn.is_poison() => self.dead += 1,
            (Some("dead"), _) => self.dead_by_accident += 1,
            (Some("pending") | None, _) => self.pending += 1,
            _ => self.not_embedded += 1,
        }
        let revisions = pushed.get(&id.to_string());
        let all: usize = revisions.map_or(0, |revisions| revisions.values().sum());
        let latest = revisions.and_then(|revisions| revisions.get(&i64::from(revision)));
        let latest = latest.copied().unwrap_or(0);
        match (mem0, latest, all) {
            (Some("done"), 1, 1) => self.pushed += 1,
            (Some("done"), 0, _) => self.not_pushed += 1,
            (Some("done"), ..) => self.pushed_twice += 1,
            (Some("skipped"), 0, 0) if !turn.is_for_mem0() => self.skipped += 1,
            (Some("dead"), ..) => self.dead_by_accident += 1,
            (Some("pending") | None, ..) => self.pending += 1,
            _ => self.pushed_twice += 1,
        }
    }

    /// Whether the service kept its word.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let Self {
            recorded: _,
            embedded: _,
            pushed: _,
            skipped: _,
            dead: _,
            lost,
            doubled,
            altered,
            out_of_line,
            not_embedded,
            pushed_twice,
            not_pushed,
            pending,
            queued,
            dead_by_accident,
            dead_without_reason,
        } = self;
        let turns = [
            lost,
            doubled,
            altered,
            not_embedded,
            pushed_twice,
            not_pushed,
            pending,
            dead_by_accident,
            dead_without_reason,
        ];
        turns.into_iter().all(|count| *count == 0) && *out_of_line == 0 && *queued == 0
    }
}

/// How often Mem0 holds each turn and revision.
fn pushed(parts: &Parts) -> BTreeMap<String, BTreeMap<i64, usize>> {
    let mut pushed: BTreeMap<String, BTreeMap<i64, usize>> = BTreeMap::new();
    for memory in parts.mem0.memories() {
        let turn = memory.metadata["turnId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let revision = memory.metadata["revision"].as_i64().unwrap_or_default();
        *pushed.entry(turn).or_default().entry(revision).or_default() += 1;
    }
    pushed
}
