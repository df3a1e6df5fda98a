//! When a failed delivery is tried again.

use std::time::Duration;

use axum::http::HeaderMap;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use super::{
    duration,
    expression::{Expression, LONGEST},
};

/// Headers of an answer by which the destination sets the wait itself; the first one that can be read counts.
const OVERRIDES: [&str; 4] = [
    "retry-after",
    "x-ratelimit-reset",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
];

/// The wait after attempt number `retried` (from 0) failed with these response headers; not scaled.
pub(super) fn wait(retried: u32, custom: Option<&Expression>, response: &HeaderMap) -> Duration {
    asked(response).unwrap_or_else(|| match custom {
        Some(expression) => expression.delay(retried),
        None => backoff(retried.saturating_add(1)),
    })
}

/// min(86400, e^(2.5 n)) seconds before retry number `n` (from 1).
fn backoff(n: u32) -> Duration {
    let seconds = (2.5 * f64::from(n)).exp().min(LONGEST.as_secs_f64());
    Duration::from_secs_f64(seconds)
}

/// What the destination asked for: seconds, a duration or a date. More than a day is ignored, as documented.
fn asked(response: &HeaderMap) -> Option<Duration> {
    OVERRIDES
        .iter()
        .filter_map(|name| response.get(*name)?.to_str().ok())
        .find_map(|text| duration::parse_or_seconds(text).or_else(|| until(text)))
        .filter(|wait| *wait <= LONGEST)
}

fn until(date: &str) -> Option<Duration> {
    let date = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    let wait = date - OffsetDateTime::now_utc();
    // A date in the past asks for a retry at once.
    Some(wait.try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().expect("name"), value.parse().expect("value"))])
    }

    #[test]
    fn the_default_grows_to_a_day() {
        let seconds: Vec<u64> = (0..6)
            .map(|retried| wait(retried, None, &HeaderMap::new()).as_secs())
            .collect();
        assert_eq!(seconds, [12, 148, 1_808, 22_026, 86_400, 86_400]);
    }

    #[test]
    fn an_expression_replaces_it() {
        let custom = Expression::parse("1000 * (1 + retried)").expect("expression");
        let none = HeaderMap::new();
        assert_eq!(wait(0, Some(&custom), &none), Duration::from_secs(1));
        assert_eq!(wait(4, Some(&custom), &none), Duration::from_secs(5));
    }

    #[test]
    fn the_destination_has_the_last_word() {
        let custom = Expression::parse("1").expect("expression");
        for (name, value, seconds) in [
            ("retry-after", "0", 0),
            ("retry-after", "10", 10),
            ("retry-after", "6m5s", 365),
            ("retry-after", "Thu, 27 Jun 2024 12:16:24 GMT", 0),
            ("x-ratelimit-reset", "30", 30),
            ("x-ratelimit-reset-tokens", "2s", 2),
        ] {
            let wait = wait(0, Some(&custom), &with(name, value));
            assert_eq!(wait.as_secs(), seconds, "{name}: {value}");
        }
        let later = OffsetDateTime::now_utc() + Duration::from_secs(100);
        let later = later.format(&Rfc2822).expect("date");
        let wait_until = wait(0, None, &with("retry-after", &later)).as_secs();
        assert!((98..=100).contains(&wait_until), "{wait_until}");
    }

    #[test]
    fn more_than_a_day_is_ignored() {
        assert_eq!(wait(0, None, &with("retry-after", "90000")).as_secs(), 12);
    }
}
