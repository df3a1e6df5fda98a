//! What goes wrong, and with whom.

use devstack::delay_proxy::{DelayProxy, Mode};
use devstack::stack::Trouble::{self, Fine, Hangs, Refuses, Trickles};
use devstack::stack::{self, Stack};

/// Of all parts at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Troubles {
    pub(super) name: &'static str,
    services: stack::Troubles,
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
        services: stack::Troubles {
            embedder,
            redis,
            mem0,
        },
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
        stack.trouble(self.services);
        database.set_mode(if self.database_hangs {
            Mode::Blackhole
        } else {
            Mode::Forward
        });
    }
}
