//! Taking all that is cached of a user away.

use serde_json::Value;
use uuid::Uuid;

use super::{Cache, HOUR, keys};
use crate::adapters::upstash::redis::Command;
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;
use crate::domain::ids::UserId;

/// Keys that Redis looks at in one step: some milliseconds of its time.
const STEP: &str = "1000";

impl Cache {
    /// Deletes the user's keys; `Ok` says that none is left of those that were there at the beginning. It walks
    /// over all keys of the database, a thousand a round trip: an index of each user's keys would cost every
    /// request, and this is done seldom.
    ///
    /// The generation stays, as a new one, until it is the `last` time. A request that is under way stores its
    /// snapshot under the old one, where nobody is served it; with no generation at all it might be.
    pub async fn purge(&self, user: UserId, last: bool, deadline: Deadline) -> Result<(), Error> {
        let generation = keys::generation(user);
        if !last {
            let text = Uuid::new_v4().simple().to_string();
            self.redis
                .set_ex(&generation, &text, HOUR, deadline)
                .await?;
        }
        let pattern = format!("{generation}*");
        let mut cursor = "0".to_owned();
        let mut found: Vec<String> = Vec::new();
        loop {
            let delete: Vec<&str> = std::iter::once("DEL")
                .chain(found.iter().map(String::as_str))
                .collect();
            let scan = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", STEP];
            let both: [Command<'_>; 2] = [&scan, &delete];
            let commands = if found.is_empty() { &both[..1] } else { &both };
            let mut results = self.redis.pipeline("purge", commands, deadline).await?;
            if results.len() > 1
                && let Some(Err(error)) = results.pop()
            {
                return Err(error);
            }
            let scanned = results.pop().unwrap_or_else(|| Err(malformed()))?;
            let (next, keys) = page(scanned).ok_or_else(malformed)?;
            found = keys;
            found.retain(|key| last || *key != generation);
            if next == "0" {
                let rest: Vec<&str> = found.iter().map(String::as_str).collect();
                return self.redis.del(&rest, deadline).await.map(drop);
            }
            cursor = next;
        }
    }
}

/// The next cursor, and the keys of this step.
fn page(scanned: Value) -> Option<(String, Vec<String>)> {
    serde_json::from_value(scanned).ok()
}

fn malformed() -> Error {
    Error::new(Adapter::Redis, ErrorKind::Malformed, "not a step of a scan")
}
