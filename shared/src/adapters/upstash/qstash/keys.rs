//! The keys that QStash signs its deliveries with.

use http::Method;
use serde::Deserialize;

use super::{QStash, malformed};
use crate::adapters::Error;
use crate::config::Secret;
use crate::domain::deadline::Deadline;

#[derive(Deserialize)]
struct Keys {
    current: String,
    next: String,
}

impl QStash {
    /// The account's signing keys, the current one first: what an operator's configuration must have.
    pub async fn account_keys(&self, deadline: Deadline) -> Result<[Secret; 2], Error> {
        let body = self
            .call(self.request(Method::GET, "keys")?, deadline)
            .await?;
        let keys: Keys = serde_json::from_slice(&body).map_err(|error| malformed(&error))?;
        Ok([Secret::new(keys.current), Secret::new(keys.next)])
    }
}
