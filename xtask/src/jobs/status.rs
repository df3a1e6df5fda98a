//! What `status` finds out, and what of it is not well.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::types::Json;

use super::age;
use crate::Error;
use crate::bench::table::{Cell, Table};

/// Everything in one statement, so that the figures are of one moment.
const READ: &str = "
select jsonb_build_object(
    'adapters', (
        select jsonb_agg(
            to_jsonb(h) || jsonb_build_object('queued', q.queued, 'due', q.due) order by h.adapter
        )
        from memories.sync_health as h
        join (
            select 'embed' as adapter, count(*) as queued, count(*) filter (where vt <= now()) as due
            from pgmq.q_memory_embed
            union all
            select 'mem0', count(*), count(*) filter (where vt <= now())
            from pgmq.q_memory_mem0
        ) as q on q.adapter = h.adapter
    ),
    'sweep', (
        select jsonb_build_object(
            'swept_at', s.swept_at,
            'swept_seconds_ago', extract(epoch from now() - s.swept_at),
            'running', coalesce(s.busy_until > now(), false)
        )
        from memories.sweeps as s
    ),
    'erasures', (
        select jsonb_build_object(
            'pending', e.pending,
            'oldest_pending_seconds', e.oldest_pending_seconds,
            'reasons', coalesce(to_jsonb(e.reasons), '[]')
        )
        from memories.erasure_health as e
    ),
    'indexes', (
        select coalesce(jsonb_object_agg(i.state, i.indexes), '{}')
        from (select state, count(*) as indexes from memories.large_user_indexes() group by state) as i
    ),
    'vacuum_overdue', memories.vacuum_overdue()
)";

/// The state of the jobs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
pub(super) struct Status {
    adapters: Vec<Adapter>,
    sweep: Sweep,
    erasures: Erasures,
    /// Those of large users, by what is to be done with them.
    indexes: BTreeMap<String, u32>,
    /// As `memories.vacuum_overdue` says it.
    vacuum_overdue: Vec<Value>,
    /// What a person should look at.
    #[serde(default)]
    troubles: Vec<String>,
    /// Whether there are no troubles.
    #[serde(default)]
    pub(super) well: bool,
}

/// `memories.sync_health`, and the adapter's queue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Adapter {
    adapter: String,
    circuit: String,
    reason: Option<String>,
    retry_at: Option<String>,
    pending: i64,
    oldest_pending_at: Option<String>,
    oldest_pending_seconds: f64,
    failures_last_hour: i64,
    dead: i64,
    /// Jobs in the queue.
    queued: i64,
    /// Of these, how many the next sweep would take.
    due: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Sweep {
    swept_at: Option<String>,
    swept_seconds_ago: Option<f64>,
    running: bool,
}

/// `memories.erasure_health`: those that are not confirmed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase"))]
struct Erasures {
    pending: i64,
    oldest_pending_seconds: f64,
    /// The codes of their last failures.
    reasons: Vec<String>,
}

impl Status {
    /// Reads it; `max_age` is in minutes.
    pub(super) async fn read(client: &Client, max_age: u32) -> Result<Self, Error> {
        let row = client.query_one(READ, &[]).await?;
        let Json(mut status) = row.try_get::<_, Json<Self>>(0)?;
        status.troubles = status.judge(f64::from(max_age) * 60.0);
        status.well = status.troubles.is_empty();
        Ok(status)
    }

    fn judge(&self, max_seconds: f64) -> Vec<String> {
        let mut troubles = Vec::new();
        for a in &self.adapters {
            if a.dead > 0 {
                troubles.push(format!("{}: {} dead letters", a.adapter, a.dead));
            }
            if a.oldest_pending_seconds > max_seconds {
                let waits = age(a.oldest_pending_seconds);
                troubles.push(format!("{}: a turn has waited for {waits}", a.adapter));
            }
            if a.circuit == "open" {
                troubles.push(format!("{}: {}", a.adapter, a.circuit_text()));
            }
        }
        if self.erasures.oldest_pending_seconds > max_seconds {
            let waits = age(self.erasures.oldest_pending_seconds);
            let reasons = self.erasures.reasons.join(", ");
            troubles.push(format!("an erasure has waited for {waits}: {reasons}"));
        }
        match self.sweep.swept_seconds_ago {
            None => troubles.push("nothing has ever swept".to_owned()),
            Some(seconds) if seconds > max_seconds => {
                troubles.push(format!("nothing has swept for {}", age(seconds)));
            }
            Some(_) => {}
        }
        troubles
    }
}

impl Adapter {
    fn circuit_text(&self) -> String {
        match &self.reason {
            Some(reason) if self.circuit == "open" => format!("circuit open, {reason}"),
            _ => self.circuit.clone(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(
            "Adapters",
            [
                "adapter",
                "circuit",
                "pending",
                "oldest",
                "failures/h",
                "dead",
                "queued",
                "due",
            ],
        );
        for a in &self.adapters {
            let oldest = if a.pending > 0 {
                age(a.oldest_pending_seconds)
            } else {
                "-".to_owned()
            };
            table.row([
                a.adapter.as_str().into(),
                a.circuit_text().into(),
                Cell::Count(a.pending),
                oldest.into(),
                Cell::Count(a.failures_last_hour),
                Cell::Count(a.dead),
                Cell::Count(a.queued),
                Cell::Count(a.due),
            ]);
        }
        writeln!(f, "{table}")?;
        match self.sweep.swept_seconds_ago {
            Some(seconds) => write!(f, "swept {} ago", age(seconds))?,
            None => write!(f, "never swept")?,
        }
        writeln!(
            f,
            "{}",
            if self.sweep.running {
                ", and sweeping"
            } else {
                ""
            }
        )?;
        if self.erasures.pending > 0 {
            let oldest = age(self.erasures.oldest_pending_seconds);
            writeln!(
                f,
                "erasures not confirmed: {}, the oldest for {oldest}",
                self.erasures.pending
            )?;
        }
        if !self.indexes.is_empty() {
            let states = self.indexes.iter().map(|(state, n)| format!("{n} {state}"));
            let states: Vec<_> = states.collect();
            writeln!(f, "indexes of large users: {}", states.join(", "))?;
        }
        for table in &self.vacuum_overdue {
            let name = table["table"].as_str().unwrap_or_default();
            writeln!(f, "vacuum is overdue: {name}, {} dead rows", table["dead"])?;
        }
        match self.troubles.as_slice() {
            [] => writeln!(f, "all is well"),
            troubles => writeln!(f, "not well: {}", troubles.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;
    use serde_json::{Value, json};

    fn status(adapter: Value, sweep: Value) -> Status {
        let mut whole = json!({
            "adapter": "embed", "circuit": "closed", "reason": null, "retry_at": null,
            "pending": 1, "oldest_pending_at": null, "oldest_pending_seconds": 60.0,
            "failures_last_hour": 0, "dead": 0, "queued": 1, "due": 0,
        });
        for (name, value) in adapter.as_object().unwrap() {
            whole[name] = value.clone();
        }
        let sweep = json!({ "swept_at": null, "swept_seconds_ago": sweep, "running": false });
        serde_json::from_value(json!({
            "adapters": [whole], "sweep": sweep, "indexes": { "built": 2 }, "vacuum_overdue": [],
            "erasures": { "pending": 0, "oldest_pending_seconds": 0.0, "reasons": [] },
        }))
        .unwrap()
    }

    #[test]
    fn what_needs_a_person_is_a_trouble_and_nothing_else_is() {
        let well = status(json!({}), json!(30.0));
        assert_eq!(well.judge(900.0), Vec::<String>::new());
        assert!(well.to_string().contains("2 built"), "{well}");
        // A failure is not one while the turns still get there.
        let failed = status(
            json!({ "failures_last_hour": 9, "reason": "busy" }),
            json!(1),
        );
        assert!(failed.judge(900.0).is_empty());
        for (adapter, sweep, trouble) in [
            (json!({ "dead": 2 }), json!(1), "embed: 2 dead letters"),
            (
                json!({ "oldest_pending_seconds": 901.0 }),
                json!(1),
                "embed: a turn has waited for 15 min",
            ),
            (
                json!({ "circuit": "open", "reason": "denied" }),
                json!(1),
                "embed: circuit open, denied",
            ),
            (json!({}), json!(null), "nothing has ever swept"),
            (json!({}), json!(7200), "nothing has swept for 2 h"),
        ] {
            assert_eq!(status(adapter, sweep).judge(900.0), [trouble]);
        }
    }

    #[test]
    fn an_erasure_that_waits_for_long_is_a_trouble() {
        let mut status = status(json!({}), json!(1));
        status.erasures = serde_json::from_value(json!({
            "pending": 1, "oldest_pending_seconds": 901.0, "reasons": ["mem0_denied"],
        }))
        .unwrap();
        let trouble = "an erasure has waited for 15 min: mem0_denied";
        assert_eq!(status.judge(900.0), [trouble]);
        assert!(
            status
                .to_string()
                .contains("not confirmed: 1, the oldest for 15 min")
        );
    }

    #[test]
    fn a_script_reads_camel_case() {
        let json = serde_json::to_value(status(json!({}), json!(1))).unwrap();
        assert_eq!(json["adapters"][0]["oldestPendingSeconds"], 60.0);
        assert_eq!(json["sweep"]["sweptSecondsAgo"], 1.0);
    }
}
