//! How long context takes: several databases, or several users of one, asked in turns.

use super::super::progress;
use super::super::samples::Samples;
use super::scene::{Asker, LIMIT};
use crate::Error;

/// Requests whose times are thrown away.
const WARM_UP: usize = 10;

/// What is compared: some users that are alike.
pub(super) struct Group {
    pub(super) askers: Vec<Asker>,
    pub(super) seen: Samples,
    pub(super) database: Samples,
    /// Answers with fewer hits than were asked for.
    pub(super) short: usize,
}

impl Group {
    pub(super) fn new(askers: Vec<Asker>) -> Self {
        Self {
            askers,
            seen: Samples::default(),
            database: Samples::default(),
            short: 0,
        }
    }
}

/// So many requests to each group, one after the other. Blocking.
pub(super) fn measure(
    groups: &mut [Group],
    requests: usize,
    doing: &'static str,
) -> Result<(), Error> {
    let bar = progress(requests, doing)?;
    for round in 0..WARM_UP + requests {
        for group in groups.iter_mut() {
            let count = group.askers.len().max(1);
            let Some(asker) = group.askers.get_mut(round % count) else {
                continue;
            };
            let answered = asker.ask()?;
            group.short += usize::from(answered.hits < LIMIT);
            if round >= WARM_UP {
                group.seen.push(answered.seen);
                group.database.push(answered.database);
            }
        }
        bar.inc(u64::from(round >= WARM_UP));
    }
    bar.finish_and_clear();
    Ok(())
}
