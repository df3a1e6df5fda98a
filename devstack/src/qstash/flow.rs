//! Gates that let messages through in order: flow-control keys (parallelism and rate) and queues.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::{clock::Clock, core::lock, duration};

/// `Upstash-Flow-Control-Value`: how many at a time, and how many to start per period.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limits {
    pub(super) parallelism: Option<usize>,
    pub(super) rate: Option<usize>,
    /// One second unless it is said; not scaled yet.
    pub(super) period: Duration,
}

impl Limits {
    /// Reads `parallelism=5, rate=10, period=1m`; at least one of parallelism and rate is required.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut limits = Self::parallel(None);
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or("lacks `=`")?;
            let number = || match value.trim().parse() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err(format!("`{value}` is not a positive number")),
            };
            match name.trim() {
                "parallelism" => limits.parallelism = number()?,
                "rate" => limits.rate = number()?,
                "period" => {
                    limits.period = duration::parse_or_seconds(value).ok_or("bad period")?;
                }
                other => return Err(format!("unknown limit `{other}`")),
            }
        }
        if limits.parallelism.is_none() && limits.rate.is_none() {
            return Err("needs parallelism or rate".to_owned());
        }
        Ok(limits)
    }

    /// A limit on parallelism alone.
    pub(super) fn parallel(parallelism: Option<usize>) -> Self {
        Self {
            parallelism,
            rate: None,
            period: Duration::from_secs(1),
        }
    }
}

/// The gates of one kind, by name.
#[derive(Default)]
pub(super) struct Gates(Mutex<HashMap<String, Arc<Gate>>>);

impl Gates {
    /// The gate of that name; it is made on first use.
    pub(super) fn get(&self, name: &str) -> Arc<Gate> {
        Arc::clone(lock(&self.0).entry(name.to_owned()).or_default())
    }
}

/// One line of messages, first come first served.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    parallelism: Option<usize>,
    /// How many may start per period; the period is scaled.
    rate: Option<(usize, Duration)>,
    paused: bool,
    inside: usize,
    line: VecDeque<u64>,
    tickets: u64,
    window: Option<(Instant, usize)>,
}

impl Gate {
    /// Sets the limits; the latest publish of a key decides for all of it.
    pub(super) fn limit(&self, limits: &Limits, clock: &Clock) {
        let mut state = lock(&self.state);
        state.parallelism = limits.parallelism;
        state.rate = limits.rate.map(|rate| (rate, clock.scaled(limits.period)));
        self.changed.notify_waiters();
    }

    /// Stops or resumes letting messages through.
    pub(super) fn pause(&self, paused: bool) {
        lock(&self.state).paused = paused;
        self.changed.notify_waiters();
    }

    pub(super) fn is_paused(&self) -> bool {
        lock(&self.state).paused
    }

    /// How many are in the line or inside.
    pub(super) fn lag(&self) -> usize {
        let state = lock(&self.state);
        state.line.len() + state.inside
    }

    /// Takes a place at the end of the line.
    pub(super) fn join(self: &Arc<Self>) -> Place {
        let mut state = lock(&self.state);
        state.tickets += 1;
        let ticket = state.tickets;
        state.line.push_back(ticket);
        Place {
            gate: Arc::clone(self),
            ticket,
            inside: false,
        }
    }
}

impl State {
    /// Lets the ticket in, or says for how long at most to wait before asking again.
    fn admit(&mut self, ticket: u64) -> Result<(), Option<Duration>> {
        if self.paused
            || self.line.front() != Some(&ticket)
            || self.parallelism.is_some_and(|most| self.inside >= most)
        {
            return Err(None);
        }
        if let Some((rate, period)) = self.rate {
            let (opened, started) = match self.window {
                Some((opened, started)) if opened.elapsed() < period => (opened, started),
                _ => (Instant::now(), 0),
            };
            if started >= rate {
                return Err(Some(period.saturating_sub(opened.elapsed())));
            }
            self.window = Some((opened, started + 1));
        }
        self.line.pop_front();
        self.inside += 1;
        Ok(())
    }
}

/// A place in a gate's line, and then inside; dropping it leaves.
pub(super) struct Place {
    gate: Arc<Gate>,
    ticket: u64,
    inside: bool,
}

impl Place {
    /// Waits until the gate lets this place in.
    pub(super) async fn enter(&mut self) {
        loop {
            // Made before the state is read, so that no change in between is missed.
            let changed = self.gate.changed.notified();
            let wait = match lock(&self.gate.state).admit(self.ticket) {
                Ok(()) => break,
                Err(wait) => wait,
            };
            match wait {
                None => changed.await,
                Some(wait) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
        }
        self.inside = true;
        self.gate.changed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.gate.state);
        if self.inside {
            state.inside -= 1;
        } else {
            state.line.retain(|ticket| *ticket != self.ticket);
        }
        drop(state);
        self.gate.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_in_any_order() {
        let limits = Limits::parse("parallelism=5,rate=10, period=1m").expect("limits");
        assert_eq!(limits.parallelism, Some(5));
        assert_eq!(limits.rate, Some(10));
        assert_eq!(limits.period, Duration::from_secs(60));
        assert_eq!(
            Limits::parse("rate=2").expect("limits").period,
            Duration::from_secs(1)
        );
        for text in [
            "",
            "period=1s",
            "rate=0",
            "rate",
            "speed=3",
            "rate=1,period=x",
        ] {
            assert!(Limits::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn the_line_keeps_its_order() {
        let gate = Arc::new(Gate::default());
        gate.limit(&Limits::parallel(Some(1)), &Clock::new(1.0));
        let mut first = gate.join();
        let mut second = gate.join();
        let third = gate.join();
        first.enter().await;
        assert_eq!(gate.lag(), 3);
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, second.enter()).await.is_err());
        drop(first);
        second.enter().await;
        drop((second, third));
        assert_eq!(gate.lag(), 0);
    }
}
