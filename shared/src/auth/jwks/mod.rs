//! The issuer's public keys, kept by the instance.
//!
//! - They are asked for when the instance starts, while the first request is still being read.
//! - A token that names an unknown key makes us ask again: the issuer may have begun to sign with a new one. At most three
//!   times in a row, then once in 30 seconds, and never twice at once: names of keys cost nothing to make up.
//! - Keys older than ten minutes are asked for again before they are used, so that one that was taken back stops to count.
//!   (Supabase serves the set from a cache of ten minutes, and advises to wait twenty between rotating and revoking.)
//! - When the issuer does not answer, the keys that are known go on to count, whatever their age.

mod allowance;
mod fetch;
mod keys;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;

use self::allowance::Allowance;
pub(super) use self::keys::Keys;
use crate::adapters::http::Outbound;
use crate::adapters::{Adapter, Error, ErrorKind};
use crate::domain::deadline::Deadline;

/// How the set is asked for; in tests from another place than the network.
type Fetch = Box<
    dyn Fn(Deadline) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Error>> + Send>> + Send + Sync,
>;

/// How patient we are.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For one answer of the issuer.
    patience: Duration,
    /// After this keys are asked for again.
    max_age: Duration,
    /// Questions that may be asked in a row.
    burst: u32,
    /// How often one more may be asked.
    every: Duration,
    /// The same while no key is known at all, and nobody can be let in.
    every_without: Duration,
}

impl Limits {
    const PRODUCTION: Self = Self {
        patience: Duration::from_secs(2),
        max_age: Duration::from_secs(600),
        burst: 3,
        every: Duration::from_secs(30),
        every_without: Duration::from_secs(2),
    };
}

/// The keys of one issuer.
pub(super) struct Jwks {
    fetch: Fetch,
    limits: Limits,
    known: Mutex<Known>,
    /// Held while the issuer is asked.
    line: tokio::sync::Mutex<Allowance>,
}

#[derive(Clone, Default)]
struct Known {
    /// The latest set, and when it came.
    keys: Option<(Arc<Keys>, Instant)>,
    /// How often the issuer was asked, in vain or not.
    asked: u64,
}

impl Jwks {
    pub(super) fn new(url: String, outbound: Arc<Outbound>) -> Self {
        let fetch = move |deadline| {
            let work = fetch::fetch(Arc::clone(&outbound), url.clone(), deadline);
            Box::pin(work) as Pin<Box<_>>
        };
        Self::asking(Box::new(fetch), Limits::PRODUCTION)
    }

    /// An issuer that answers this, always.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn publishing(set: String) -> Self {
        let fetch = move |_| {
            let set = set.clone().into_bytes();
            Box::pin(async move { Ok(set) }) as Pin<Box<_>>
        };
        Self::asking(Box::new(fetch), Limits::PRODUCTION)
    }

    fn asking(fetch: Fetch, limits: Limits) -> Self {
        Self {
            fetch,
            limits,
            known: Mutex::default(),
            line: tokio::sync::Mutex::new(Allowance::new(limits.burst)),
        }
    }

    /// Asks for the keys unless they are known.
    pub(super) async fn warm(&self) {
        let mut line = self.line.lock().await;
        if self.known().keys.is_none() {
            // The request that needs them asks for itself.
            let _ = self.ask(&mut line).await;
            tracing::debug!("issuer ready");
        }
    }

    /// The keys to look for this one in. An error means that there never were any.
    pub(super) async fn find(&self, kid: &str) -> Result<Arc<Keys>, Error> {
        let known = self.known();
        let mut failure = None;
        match &known.keys {
            Some((keys, since)) if keys.has(kid) => {
                // One request asks whether the key still stands; those beside it go on with what is known.
                if since.elapsed() >= self.limits.max_age
                    && let Ok(mut line) = self.line.try_lock()
                {
                    failure = self.ask(&mut line).await.err();
                }
            }
            _ => {
                let mut line = self.line.lock().await;
                // Whoever was asking before us may have brought it.
                if self.known().asked == known.asked {
                    failure = self.ask(&mut line).await.err();
                }
            }
        }
        match self.known().keys {
            Some((keys, _)) => Ok(keys),
            None => Err(Error {
                retry_after: Some(self.limits.every_without),
                ..failure.unwrap_or_else(unheard)
            }),
        }
    }

    /// Asks the issuer, if that is allowed again, and keeps what it answers.
    async fn ask(&self, line: &mut Allowance) -> Result<(), Error> {
        let every = match self.known().keys {
            Some(_) => self.limits.every,
            None => self.limits.every_without,
        };
        if !line.take(every, Instant::now()) {
            return Err(unheard());
        }
        let answer = (self.fetch)(Deadline::after(self.limits.patience)).await;
        let keys = answer.and_then(|json| read(&json));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.asked += 1;
        match keys {
            Ok(keys) => {
                known.keys = Some((Arc::new(keys), Instant::now()));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "the issuer's keys could not be had");
                Err(error)
            }
        }
    }

    fn known(&self) -> Known {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }
}

/// Asks an issuer which keys it publishes: the name and the algorithm of each that we would use. For the tools; functions
/// ask by themselves.
///
/// # Errors
/// When the issuer does not answer, or answers something that is no set of keys.
pub async fn published(
    url: String,
    outbound: Arc<Outbound>,
    deadline: Deadline,
) -> Result<Vec<(String, Algorithm)>, Error> {
    read(&fetch::fetch(outbound, url, deadline).await?).map(|keys| keys.names())
}

fn read(json: &[u8]) -> Result<Keys, Error> {
    Keys::read(json)
        .ok_or_else(|| Error::new(Adapter::Issuer, ErrorKind::Malformed, "no set of keys"))
}

/// What a request is told that could not ask itself.
fn unheard() -> Error {
    let what = "was asked a moment ago";
    Error::new(Adapter::Issuer, ErrorKind::Unreachable, what)
}

#[cfg(test)]
mod tests;
