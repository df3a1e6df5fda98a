//! How much a user may ask for: `MEMORY_LIMITS`, such as `turns=sliding:600/60s context=bucket:20/10s:120`.

use std::time::Duration;

use super::{ConfigError, Source, env, fault};

/// Requests that share a budget. What is not named here is never limited: jobs, erasures and their records, health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitClass {
    /// `POST /api/turns`.
    Turns,
    /// `POST /api/context`.
    Context,
    /// `GET /api/sessions` and `GET /api/sessions/{id}`.
    Sessions,
    /// `POST /api/sessions/sync`.
    Sync,
    /// `POST /api/sessions/backfill`.
    Backfill,
    /// `GET /api/memory/export`.
    Export,
}

impl LimitClass {
    /// All there are.
    pub const ALL: [Self; 6] = [
        Self::Turns,
        Self::Context,
        Self::Sessions,
        Self::Sync,
        Self::Backfill,
        Self::Export,
    ];

    /// As it stands in `MEMORY_LIMITS` and in the keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Turns => "turns",
            Self::Context => "context",
            Self::Sessions => "sessions",
            Self::Sync => "sync",
            Self::Backfill => "backfill",
            Self::Export => "export",
        }
    }
}

/// One of the algorithms of `@upstash/ratelimit`, with its numbers. Durations are whole milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `fixed:600/60s`: so many in each window of the clock.
    FixedWindow {
        /// How many.
        limit: u32,
        /// How long.
        window: Duration,
    },
    /// `sliding:600/60s`: so many in any stretch of this length, as far as two counters can tell.
    SlidingWindow {
        /// How many.
        limit: u32,
        /// How long.
        window: Duration,
    },
    /// `bucket:20/10s:120`: a bucket of 120 that gets 20 every 10 s.
    TokenBucket {
        /// What an interval adds.
        refill: u32,
        /// How often.
        interval: Duration,
        /// The most it holds.
        size: u32,
    },
}

/// The rule of each class that has one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits(Vec<(LimitClass, Rule)>);

impl Limits {
    /// The rule of a class.
    pub fn of(&self, class: LimitClass) -> Option<Rule> {
        let mut rules = self.0.iter();
        rules.find(|(of, _)| *of == class).map(|(_, rule)| *rule)
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The most of anything, and the longest window: as many as a deployment could mean.
const MOST: u32 = 1_000_000;
const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

impl<F: Fn(&str) -> Option<String>> Source<'_, F> {
    pub(super) fn limits(&self) -> Result<Limits, ConfigError> {
        let text = self.or(env::MEMORY_LIMITS, "");
        let limits = read(&text).ok_or_else(|| {
            let what = "is not a list such as `turns=sliding:600/60s context=bucket:20/10s:120`";
            fault(env::MEMORY_LIMITS, what)
        })?;
        // A limit that nobody counts would be an off-switch that nobody set.
        if !limits.is_empty() && self.get(env::UPSTASH_REDIS_REST_URL).is_none() {
            return Err(fault(
                env::MEMORY_LIMITS,
                "needs UPSTASH_REDIS_REST_URL, where requests are counted",
            ));
        }
        Ok(limits)
    }
}

fn read(text: &str) -> Option<Limits> {
    let mut limits = Limits::default();
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    for word in words {
        let (name, rule) = word.split_once('=')?;
        let mut classes = LimitClass::ALL.into_iter();
        let class = classes.find(|class| class.name() == name)?;
        if limits.of(class).is_some() {
            return None;
        }
        limits.0.push((class, self::rule(rule)?));
    }
    Some(limits)
}

fn rule(text: &str) -> Option<Rule> {
    let (algorithm, numbers) = text.split_once(':')?;
    let (amount, rest) = numbers.split_once('/')?;
    let amount = count(amount)?;
    match (algorithm, rest.split_once(':')) {
        ("fixed", None) => Some(Rule::FixedWindow {
            limit: amount,
            window: duration(rest)?,
        }),
        ("sliding", None) => Some(Rule::SlidingWindow {
            limit: amount,
            window: duration(rest)?,
        }),
        ("bucket", Some((interval, size))) => Some(Rule::TokenBucket {
            refill: amount,
            interval: duration(interval)?,
            size: count(size)?,
        }),
        _ => None,
    }
}

fn count(text: &str) -> Option<u32> {
    digits(text)?
        .parse()
        .ok()
        .filter(|number| (1..=MOST).contains(number))
}

/// A whole number and `ms`, `s`, `m`, `h` or `d`.
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    let duration = Duration::from_millis(number.checked_mul(unit)?);
    (!duration.is_zero() && duration <= LONGEST).then_some(duration)
}

/// `parse` takes a sign too.
fn digits(text: &str) -> Option<&str> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn limits(text: &str, redis: bool) -> Result<Limits, ConfigError> {
        Config::from(|name| match name {
            "DATABASE_URL" => Some("postgres://x".to_owned()),
            "SUPABASE_JWT_SECRET" | "UPSTASH_REDIS_REST_TOKEN" => Some("hush".to_owned()),
            "UPSTASH_REDIS_REST_URL" if redis => Some("https://redis.example".to_owned()),
            "MEMORY_LIMITS" => Some(text.to_owned()),
            _ => None,
        })
        .map(|config| config.limits)
    }

    #[test]
    fn each_algorithm_is_read() {
        let text = "turns=sliding:600/60s, context=bucket:20/10s:120  export=fixed:3/1d";
        let limits = limits(text, true).unwrap();
        assert_eq!(
            limits.of(LimitClass::Turns),
            Some(Rule::SlidingWindow {
                limit: 600,
                window: Duration::from_secs(60)
            })
        );
        assert_eq!(
            limits.of(LimitClass::Context),
            Some(Rule::TokenBucket {
                refill: 20,
                interval: Duration::from_secs(10),
                size: 120
            })
        );
        assert_eq!(
            limits.of(LimitClass::Export),
            Some(Rule::FixedWindow {
                limit: 3,
                window: Duration::from_secs(24 * 3600)
            })
        );
        assert_eq!(limits.of(LimitClass::Sync), None);
    }

    #[test]
    fn nothing_is_limited_by_default() {
        assert!(limits("", false).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_by_name() {
        for text in [
            "hush",
            "hush=fixed:1/1s",
            "turns=hush:1/1s",
            "turns=fixed:0/1s",
            "turns=fixed:+1/1s",
            "turns=fixed:1/0s",
            "turns=fixed:1/s",
            "turns=fixed:1/1",
            "turns=fixed:1/1.5s",
            "turns=fixed:1/1w",
            "turns=fixed:1/32d",
            "turns=fixed:1/99999999999999999999s",
            "turns=fixed:1000001/1s",
            "turns=fixed:1/1s:5",
            "turns=bucket:1/1s",
            "turns=bucket:1/1s:0",
            "turns=fixed:1/1s turns=fixed:2/1s",
            "erase=fixed:1/1s",
            "jobs=fixed:1/1s",
        ] {
            let error = limits(text, true).unwrap_err();
            assert_eq!(error.variable, "MEMORY_LIMITS", "{text}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_limit_needs_somewhere_to_count() {
        let error = limits("turns=fixed:1/1s", false).unwrap_err();
        assert_eq!(error.variable, "MEMORY_LIMITS");
        assert!(error.fault.contains("UPSTASH_REDIS_REST_URL"), "{error}");
    }
}
