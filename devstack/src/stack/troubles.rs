//! What can go wrong with the services that a context asks beside the database.

use axum::http::StatusCode;

use super::Stack;
use crate::redis;

/// One way to fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// None.
    #[default]
    Fine,
    /// No answer comes.
    Hangs,
    /// The answer is a refusal; Redis cuts the connection.
    Refuses,
    /// The answer comes byte by byte.
    Trickles,
}

/// Of all services at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Troubles {
    /// Of the local embedder.
    pub embedder: Trouble,
    /// Of the cache.
    pub redis: Trouble,
    /// Of Mem0's fake.
    pub mem0: Trouble,
}

impl Stack {
    /// Makes them so, whatever was before; of a service that is not there nothing.
    pub fn trouble(&self, troubles: Troubles) {
        use Trouble::{Fine, Hangs, Refuses, Trickles};
        if let Some(embedder) = &self.embedder {
            embedder.hang(troubles.embedder == Hangs);
            embedder.trickle(troubles.embedder == Trickles);
            let refusals = match troubles.embedder {
                Refuses => usize::MAX,
                Fine | Hangs | Trickles => 0,
            };
            embedder.fail_next(refusals, StatusCode::SERVICE_UNAVAILABLE, None);
        }
        if let Some(redis) = &self.redis {
            redis.faults().set(match troubles.redis {
                Fine => redis::Fault::None,
                Hangs => redis::Fault::Hang,
                Refuses => redis::Fault::Cut,
                Trickles => redis::Fault::Trickle,
            });
        }
        if let Some(mem0) = &self.mem0 {
            mem0.faults().hang(troubles.mem0 == Hangs);
            mem0.faults().trickle(troubles.mem0 == Trickles);
            mem0.faults().refuse_key(troubles.mem0 == Refuses);
        }
    }
}
