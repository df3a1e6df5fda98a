//! What goes wrong, and with whom.

use devstack::delay_proxy::{DelayProxy, Mode};
use devstack::redis::Fault;
use devstack::stack::Stack;
use reqwest::StatusCode;

/// One way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Fine,
    Hangs,
    Refuses,
    Trickles,
}

use Trouble::{Fine, Hangs, Refuses, Trickles};

/// Of all parts at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Troubles {
    pub(super) name: &'static str,
    embedder: Trouble,
    redis: Trouble,
    mem0: Trouble,
    /// Whether nothing comes from the database, or gets there.
    pub(super) database_hangs: bool,
}

const fn of(
    name: &'static str,
    embedder: Trouble,
    redis: Trouble,
    mem0: Trouble,
    database_hangs: bool,
) -> Troubles {
    Troubles {
        name,
        embedder,
        redis,
        mem0,
        database_hangs,
    }
}

/// Nothing.
pub(super) const NONE: Troubles = of("nothing", Fine, Fine, Fine, false);

/// All that is measured.
pub(super) const ALL: [Troubles; 15] = [
    NONE,
    of("embedder hangs", Hangs, Fine, Fine, false),
    of("embedder refuses", Refuses, Fine, Fine, false),
    of("embedder trickles", Trickles, Fine, Fine, false),
    of("Redis hangs", Fine, Hangs, Fine, false),
    of("Redis refuses", Fine, Refuses, Fine, false),
    of("Redis trickles", Fine, Trickles, Fine, false),
    of("Mem0 hangs", Fine, Fine, Hangs, false),
    of("Mem0 refuses", Fine, Fine, Refuses, false),
    of("Mem0 trickles", Fine, Fine, Trickles, false),
    of("all three hang", Hangs, Hangs, Hangs, false),
    of("all three refuse", Refuses, Refuses, Refuses, false),
    of("all three trickle", Trickles, Trickles, Trickles, false),
    of("one each", Trickles, Hangs, Refuses, false),
    of("database hangs", Fine, Fine, Fine, true),
];

impl Troubles {
    /// Makes them so, whatever was before.
    pub(super) fn begin(self, stack: &Stack, database: &DelayProxy) {
        if let Some(embedder) = &stack.embedder {
            embedder.hang(self.embedder == Hangs);
            embedder.trickle(self.embedder == Trickles);
            let refusals = if self.embedder == Refuses {
                usize::MAX
            } else {
                0
            };
            embedder.fail_next(refusals, StatusCode::SERVICE_UNAVAILABLE, None);
        }
        if let Some(redis) = &stack.redis {
            redis.faults().set(match self.redis {
                Fine => Fault::None,
                Hangs => Fault::Hang,
                Refuses => Fault::Cut,
                Trickles => Fault::Trickle,
            });
        }
        if let Some(mem0) = &stack.mem0 {
            mem0.faults().hang(self.mem0 == Hangs);
            mem0.faults().trickle(self.mem0 == Trickles);
            mem0.faults().refuse_key(self.mem0 == Refuses);
        }
        database.set_mode(if self.database_hangs {
            Mode::Blackhole
        } else {
            Mode::Forward
        });
    }
}
