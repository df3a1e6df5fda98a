//! What happens to processes, connections and servers while users speak.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use fastrand::Rng;

use super::parts::Breakables;
use crate::{delay_proxy::Mode, redis::Fault, stack::Error};

/// The functions that are killed.
const VICTIMS: [&str; 4] = ["turns", "jobs", "jobs", "sessions-sync"];

/// Every so many faults Postgres is restarted.
const RESTART_EVERY: u32 = 25;

/// How often each fault struck.
#[derive(Default)]
pub(super) struct Troubles(Mutex<BTreeMap<&'static str, u64>>);

impl Troubles {
    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, what: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what).or_default() += 1;
    }
}

/// Breaks one thing after the other, for ever; it returns only when something cannot be mended.
pub(super) async fn make(things: &mut Breakables, troubles: &Troubles, seed: u64) -> Error {
    match go_on(things, troubles, Rng::with_seed(seed ^ 0x7E0B)).await {
        Err(error) => error,
        Ok(never) => match never {},
    }
}

async fn go_on(
    things: &mut Breakables,
    troubles: &Troubles,
    mut random: Rng,
) -> Result<Infallible, Error> {
    let mut number = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(random.u64(50..250))).await;
        number += 1;
        if number % RESTART_EVERY == 10 {
            troubles.note("postgres restarted");
            things.restart_postgres().await?;
            continue;
        }
        let moment = Duration::from_millis(random.u64(50..300));
        match random.u8(0..100) {
            0..55 => {
                troubles.note("function killed");
                let functions = things.functions[random.usize(0..things.functions.len())].clone();
                let victim = VICTIMS[random.usize(0..VICTIMS.len())];
                tokio::task::spawn_blocking(move || functions.kill(victim)).await??;
            }
            55..70 => {
                troubles.note("database connections cut");
                things.line.cut();
            }
            70..80 => {
                troubles.note("database replies lost");
                things.line.set_mode(Mode::LoseReplies);
                tokio::time::sleep(moment).await;
                things.line.cut();
                things.line.set_mode(Mode::Forward);
            }
            80..88 => {
                troubles.note("database unreachable");
                things.line.set_mode(Mode::Refuse);
                things.line.cut();
                tokio::time::sleep(moment).await;
                things.line.set_mode(Mode::Forward);
            }
            88..94 => {
                troubles.note("database silent");
                things.line.set_mode(Mode::Blackhole);
                tokio::time::sleep(moment).await;
                things.line.set_mode(Mode::Forward);
            }
            _ => {
                if let Some(redis) = &things.redis {
                    troubles.note("redis down");
                    redis.faults().set(match random.u8(0..5) {
                        0 => Fault::None,
                        1 => Fault::Hang,
                        2 => Fault::Garble("nonsense".to_owned()),
                        3 => Fault::Fail(axum::http::StatusCode::INTERNAL_SERVER_ERROR),
                        _ => Fault::Cut,
                    });
                }
            }
        }
    }
}
