//! The `Upstash-*` request headers: how a message is to be delivered.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value};

use super::{clock::now_ms, duration, expression::Expression, flow::Limits};

/// Attempts after the first one when the publisher does not say.
const DEFAULT_RETRIES: u32 = 3;

/// Headers that belong to one connection and are never forwarded.
const HOP: [HeaderName; 4] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
];

/// When a publish counts as a repeat of an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Deduplication {
    /// Never.
    Off,
    /// When the same id was published.
    Id(String),
    /// When destination, body, content type and forwarded headers are the same.
    Content,
}

/// What the headers of a publish ask for.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) method: Method,
    /// When to deliver, in Unix milliseconds: now, or as `Upstash-Not-Before` or `Upstash-Delay` say.
    pub(super) not_before: u64,
    pub(super) retries: u32,
    pub(super) retry_delay: Option<Expression>,
    pub(super) callback: Option<String>,
    pub(super) failure_callback: Option<String>,
    pub(super) deduplication: Deduplication,
    pub(super) timeout: Option<Duration>,
    pub(super) flow: Option<(String, Limits)>,
    pub(super) labels: Vec<String>,
    pub(super) queue: Option<String>,
    /// What the destination receives: the content type and the `Upstash-Forward-*` headers.
    pub(super) sent: HeaderMap,
}

impl Options {
    /// Reads the headers of a publish; the error names the bad one.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, String> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let now = now_ms();
        let delay = read(headers, "upstash-delay", |value| {
            duration::parse(value).ok_or("")
        })?;
        let until = read(headers, "upstash-not-before", str::parse::<u64>)?;
        let not_before = match (until, delay) {
            (Some(seconds), _) => seconds.saturating_mul(1_000),
            (None, Some(delay)) => now.saturating_add(delay.as_millis() as u64),
            (None, None) => now,
        };
        let deduplication = match text("upstash-deduplication-id") {
            Some(id) => Deduplication::Id(id.to_owned()),
            None if text("upstash-content-based-deduplication")
                .is_some_and(|on| on.eq_ignore_ascii_case("true")) =>
            {
                Deduplication::Content
            }
            None => Deduplication::Off,
        };
        Ok(Self {
            method: read(headers, "upstash-method", |name| {
                name.to_ascii_uppercase().parse()
            })?
            .unwrap_or(Method::POST),
            not_before,
            retries: read(headers, "upstash-retries", str::parse)?.unwrap_or(DEFAULT_RETRIES),
            retry_delay: read(headers, "upstash-retry-delay", Expression::parse)?,
            callback: read(headers, "upstash-callback", absolute_url)?,
            failure_callback: read(headers, "upstash-failure-callback", absolute_url)?,
            deduplication,
            timeout: read(headers, "upstash-timeout", |value| {
                duration::parse_or_seconds(value).ok_or("")
            })?,
            flow: flow(headers)?,
            labels: text("upstash-label")
                .map(|labels| labels.split(',').map(|l| l.trim().to_owned()).collect())
                .unwrap_or_default(),
            queue: text("upstash-queue-name").map(str::to_owned),
            sent: sent(headers),
        })
    }
}

/// The part of a request's headers that belongs to the message: the content type and `Upstash-*`.
pub(super) fn of_message(headers: &HeaderMap) -> HeaderMap {
    let belongs =
        |name: &HeaderName| *name == header::CONTENT_TYPE || name.as_str().starts_with("upstash-");
    copy(headers, |name| belongs(name).then(|| name.clone()))
}

/// The headers of a callback: `<prefix>X` of the message becomes `Upstash-X`, its retries are inherited.
pub(super) fn of_callback(message: &HeaderMap, prefix: &str) -> HeaderMap {
    let mut headers = copy(message, |name| {
        let name = name.as_str().strip_prefix(prefix)?;
        format!("upstash-{name}").parse().ok()
    });
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if !headers.contains_key("upstash-retries")
        && let Some(retries) = message.get("upstash-retries")
    {
        headers.insert("upstash-retries", retries.clone());
    }
    headers
}

/// `base` with every header of `over` in place of its namesake.
pub(super) fn overlay(base: &HeaderMap, over: &HeaderMap) -> HeaderMap {
    let mut headers = copy(base, |name| {
        (!over.contains_key(name)).then(|| name.clone())
    });
    headers.extend(copy(over, |name| Some(name.clone())));
    headers
}

/// Headers as QStash's JSON shows them: `{"Content-Type": ["application/json"]}`.
pub(super) fn to_json(headers: &HeaderMap) -> Value {
    let mut object = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        object.insert(canonical(name.as_str()), values.collect());
    }
    Value::Object(object)
}

/// `content-type` as `Content-Type`.
fn canonical(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

fn sent(headers: &HeaderMap) -> HeaderMap {
    copy(headers, |name| {
        if *name == header::CONTENT_TYPE {
            return Some(name.clone());
        }
        let forwarded = name.as_str().strip_prefix("upstash-forward-")?;
        let forwarded: HeaderName = forwarded.parse().ok()?;
        (!HOP.contains(&forwarded)).then_some(forwarded)
    })
}

fn copy(headers: &HeaderMap, rename: impl Fn(&HeaderName) -> Option<HeaderName>) -> HeaderMap {
    let mut copied = HeaderMap::new();
    for (name, value) in headers {
        if let Some(name) = rename(name) {
            copied.append(name, value.clone());
        }
    }
    copied
}

fn read<T, E>(
    headers: &HeaderMap,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, String>
where
    E: std::fmt::Display,
{
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| format!("header {name} is not ASCII"))?;
    parse(text)
        .map(Some)
        .map_err(|error| format!("header {name} is invalid: `{text}` {error}"))
}

fn absolute_url(text: &str) -> Result<String, &'static str> {
    if is_url(text) {
        Ok(text.to_owned())
    } else {
        Err("has invalid scheme, add http:// or https://")
    }
}

/// Whether a destination is a URL rather than the name of a URL group.
pub(super) fn is_url(destination: &str) -> bool {
    reqwest::Url::parse(destination).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn flow(headers: &HeaderMap) -> Result<Option<(String, Limits)>, String> {
    let limits = read(headers, "upstash-flow-control-value", Limits::parse)?;
    let key = headers
        .get("upstash-flow-control-key")
        .and_then(|key| key.to_str().ok());
    match (key, limits) {
        (Some(key), Some(limits)) => Ok(Some((key.to_owned(), limits))),
        (None, None) => Ok(None),
        _ => Err("Upstash-Flow-Control-Key and -Value belong together".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn silence_means_the_documented_defaults() {
        let options = Options::parse(&HeaderMap::new()).expect("options");
        assert_eq!(options.method, Method::POST);
        assert_eq!(options.retries, 3);
        assert_eq!(options.deduplication, Deduplication::Off);
        assert!(options.not_before <= now_ms());
    }

    #[test]
    fn not_before_wins_over_delay() {
        let both = headers(&[
            ("upstash-delay", "10s"),
            ("upstash-not-before", "4000000000"),
        ]);
        let options = Options::parse(&both).expect("options");
        assert_eq!(options.not_before, 4_000_000_000_000);
    }

    #[test]
    fn only_the_content_type_and_forwards_are_sent() {
        let options = Options::parse(&headers(&[
            ("content-type", "text/plain"),
            ("upstash-forward-authorization", "Bearer x"),
            ("upstash-forward-host", "evil.example"),
            ("upstash-label", "a, b"),
            ("authorization", "Bearer token"),
        ]))
        .expect("options");
        let sent = to_json(&options.sent);
        assert_eq!(sent["Authorization"][0], "Bearer x");
        assert_eq!(sent["Content-Type"][0], "text/plain");
        assert_eq!(sent.as_object().map(Map::len), Some(2));
        assert_eq!(options.labels, ["a", "b"]);
    }

    #[test]
    fn a_callback_is_configured_by_its_prefix() {
        let message = headers(&[
            ("upstash-retries", "7"),
            ("upstash-callback", "https://example.com/cb"),
            ("upstash-callback-delay", "5s"),
            ("upstash-callback-forward-x-tag", "one"),
            ("upstash-failure-callback-retries", "1"),
        ]);
        let callback = of_callback(&message, "upstash-callback-");
        assert_eq!(callback["upstash-retries"], "7");
        assert_eq!(callback["upstash-delay"], "5s");
        assert_eq!(callback["upstash-forward-x-tag"], "one");
        let failure = of_callback(&message, "upstash-failure-callback-");
        assert_eq!(failure["upstash-retries"], "1");
        assert!(!failure.contains_key("upstash-delay"));
    }

    #[test]
    fn bad_headers_are_named() {
        for (name, value) in [
            ("upstash-delay", "soon"),
            ("upstash-retries", "-1"),
            ("upstash-method", "B AD"),
            ("upstash-callback", "example.com"),
            ("upstash-retry-delay", "sin(1)"),
            ("upstash-flow-control-key", "lonely"),
            ("upstash-flow-control-value", "rate=many"),
        ] {
            let error = Options::parse(&headers(&[(name, value)])).expect_err(name);
            assert!(error.to_ascii_lowercase().contains(name), "{error}");
        }
    }
}
