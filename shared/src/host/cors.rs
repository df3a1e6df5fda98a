//! Calls from a browser's page on another origin (CORS). Closed unless the deployment names the origin.
//!
//! It is a wall for the user's browser and not for us: who has a token can call from anywhere else. Tokens come in a header
//! that a page sets itself, so credentials are never allowed, and no answer depends on cookies.
//!
//! Source: WHATWG, "Fetch", 3.2.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use crate::config::Cors;

/// What a page may send beside the usual. Not `x-memory-user`: that is for servers.
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, x-request-id");

/// What a page may read beside the usual.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "x-request-id, server-timing, retry-after, ratelimit, ratelimit-policy, ratelimit-limit, ratelimit-remaining, ratelimit-reset",
);

/// Seconds for which a browser need not ask again. Firefox keeps it for a day, Chromium for two hours at most.
const REMEMBERED: HeaderValue = HeaderValue::from_static("7200");

/// The origin of the page that calls, when it may.
pub(super) fn allowed<'a>(cors: &Cors, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (Some(origin), None) => cors
            .0
            .iter()
            .any(|known| known.as_bytes() == origin.as_bytes())
            .then_some(origin),
        _ => None,
    }
}

/// Whether a browser asks if a page may call, before it does.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Lets the page read an answer, or, with the methods that there are, call.
pub(super) fn admit(headers: &mut HeaderMap, origin: &HeaderValue, methods: Option<&str>) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    match methods.map(HeaderValue::from_str) {
        Some(Ok(methods)) => {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, REMEMBERED);
        }
        _ => {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        }
    }
}

/// Says that an answer depends on who asks, for a cache in between: also when the answer was no.
pub(super) fn vary(cors: &Cors, headers: &mut HeaderMap) {
    if !cors.0.is_empty() {
        headers.insert(VARY, HeaderValue::from_static("origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origins: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        headers
    }

    #[test]
    fn an_origin_is_named_to_the_letter_or_refused() {
        let cors = Cors(vec!["https://app.example".to_owned()]);
        let is_allowed = |origins: &[&'static str]| allowed(&cors, &from(origins)).is_some();
        assert!(is_allowed(&["https://app.example"]));
        for origin in [
            "https://app.example.evil",
            "https://evil.app.example",
            "http://app.example",
            "https://app.example:444",
            "https://APP.example",
            "null",
            "*",
            "",
        ] {
            assert!(!is_allowed(&[origin]), "{origin}");
        }
        assert!(!is_allowed(&[]));
        assert!(!is_allowed(&["https://app.example", "https://app.example"]));
        assert!(allowed(&Cors::default(), &from(&["https://app.example"])).is_none());
    }
}
