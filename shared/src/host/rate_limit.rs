//! What an answer says of the caller's budget.
//!
//! Three headers in the form that most servers and clients know, from before the drafts put them into one structured
//! field: `RateLimit-Limit`, `-Remaining`, `-Reset`, the last in seconds from now. A request that could not be counted
//! has none of them; its `server-timing` says so.
//!
//! Source: IETF, draft-ietf-httpapi-ratelimit-headers-06.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::orchestrator::Standing;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What `server-timing` says of a request that was not counted.
pub(super) const NOT_COUNTED: &str = ", ratelimit;desc=\"not counted\"";

/// Sets the headers.
pub(super) fn tell(headers: &mut HeaderMap, standing: &Standing) {
    if let Standing::Counted(verdict) = standing {
        headers.insert(LIMIT, HeaderValue::from(verdict.limit));
        headers.insert(REMAINING, HeaderValue::from(verdict.remaining));
        headers.insert(RESET, HeaderValue::from(verdict.reset_seconds()));
    }
}
