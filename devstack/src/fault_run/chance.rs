//! What happens to QStash's messages.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;

use crate::qstash::faults::{Attempt, DeliveryFault, Faults, PublishFault};

/// Faults by chance, until they are [mended](Chance::mend).
pub(super) struct Chance {
    random: Mutex<Rng>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    on: AtomicBool,
    /// QStash takes nothing and delivers nothing, from the beginning to the end.
    gone: bool,
}

impl Chance {
    pub(super) fn new(seed: u64, gone: bool) -> Self {
        Self {
            random: Mutex::new(Rng::with_seed(seed ^ 0x5145)),
            counts: Mutex::default(),
            on: AtomicBool::new(true),
            gone,
        }
    }

    /// From now on all goes well, unless QStash is gone.
    pub(super) fn mend(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The fault whose share, in percent, the dice fall on.
    fn draw<T: Clone>(&self, shares: &[(u8, &'static str, T)], none: T) -> T {
        if !self.on.load(Ordering::Relaxed) {
            return none;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dice = random.u8(0..100);
        for (share, name, fault) in shares {
            if dice < *share {
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry(name).or_default() += 1;
                return fault.clone();
            }
            dice -= share;
        }
        none
    }
}

impl Faults for Chance {
    fn publish(&self, _: &[String]) -> PublishFault {
        if self.gone {
            return PublishFault::Fail(503);
        }
        let late = PublishFault::Delay(Duration::from_millis(700));
        self.draw(
            &[
                (10, "qstash answered 500", PublishFault::Fail(500)),
                (3, "qstash hung", PublishFault::Hang),
                (3, "qstash answered late", late),
                (5, "qstash's answer was lost", PublishFault::LoseReply),
            ],
            PublishFault::None,
        )
    }

    fn deliver(&self, _: &Attempt<'_>) -> DeliveryFault {
        if self.gone {
            return DeliveryFault::Fail;
        }
        let late = DeliveryFault::Delay(Duration::from_millis(900));
        self.draw(
            &[
                (5, "delivery failed", DeliveryFault::Fail),
                (10, "delivery out of order", late),
                (5, "delivered twice at once", DeliveryFault::Twice),
                (5, "delivered again", DeliveryFault::Again),
                (5, "the job's answer was lost", DeliveryFault::LoseReply),
            ],
            DeliveryFault::None,
        )
    }
}
