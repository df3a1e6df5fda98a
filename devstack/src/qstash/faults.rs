//! Faults on purpose: what tests use to see a caller through a bad day of the transport.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Decides, request by request and delivery by delivery, what goes wrong. The default lets all pass.
pub trait Faults: Send + Sync {
    /// Whether QStash is gone altogether: every connection is cut unanswered, no schedule fires, and what
    /// was accepted before waits. Asked all the time, so that it can come back.
    fn gone(&self) -> bool {
        false
    }

    /// Consulted once per publish, enqueue or batch request, with the destinations it names.
    fn publish(&self, _destinations: &[String]) -> PublishFault {
        PublishFault::None
    }

    /// Consulted before each attempt to deliver.
    fn deliver(&self, _attempt: &Attempt<'_>) -> DeliveryFault {
        DeliveryFault::None
    }
}

/// No faults.
pub struct NoFaults;

impl Faults for NoFaults {}

/// QStash goes and comes back as it is told.
#[derive(Debug, Default)]
pub struct Outage(AtomicBool);

impl Outage {
    /// From now on it is gone.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// From now on it is there.
    pub fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Faults for Outage {
    fn gone(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One attempt to deliver a message.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The message, `msg_…`.
    pub message_id: &'a str,
    /// Where it goes.
    pub url: &'a str,
    /// How many attempts were made before this one.
    pub retried: u32,
    /// What it carries.
    pub body: &'a [u8],
}

/// What goes wrong with a publish.
#[derive(Clone, Debug, PartialEq)]
pub enum PublishFault {
    /// Nothing.
    None,
    /// Nothing is accepted; the answer is this status.
    Fail(u16),
    /// Nothing is accepted and no answer ever comes.
    Hang,
    /// It is accepted, but only after this time (unscaled).
    Delay(Duration),
    /// It is accepted, and the connection is cut before the answer.
    LoseReply,
}

/// What goes wrong with one attempt to deliver.
#[derive(Clone, Debug, PartialEq)]
pub enum DeliveryFault {
    /// Nothing.
    None,
    /// The request is never sent; the attempt counts as failed.
    Fail,
    /// The request is sent after this time (unscaled).
    Delay(Duration),
    /// Two equal requests are sent at once; the first one's answer counts.
    Twice,
    /// The request is sent, and once more after its answer, even if that was a success.
    Again,
    /// The request is served, but its answer is lost: the attempt counts as failed.
    LoseReply,
}
