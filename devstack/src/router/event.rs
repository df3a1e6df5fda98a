//! An HTTP request as the event that API Gateway's HTTP API sends to a function, payload format 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use super::route::Matched;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, macros::format_description};

/// What the gateway knows and the request does not say.
pub(super) struct Context {
    /// An id of the gateway's own.
    pub(super) request_id: String,
    /// When the request came in.
    pub(super) at: OffsetDateTime,
}

/// The event of one request.
pub(super) fn event(matched: &Matched, parts: &Parts, body: &Bytes, context: &Context) -> Value {
    let host = text(&parts.headers, "host");
    let clock =
        format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");
    let mut event = json!({
        "version": "2.0",
        "routeKey": matched.key(),
        "rawPath": parts.uri.path(),
        "rawQueryString": parts.uri.query().unwrap_or_default(),
        "headers": headers(&parts.headers),
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": host.split(':').next(),
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": format!("{:?}", parts.version),
                "sourceIp": "127.0.0.1",
                "userAgent": text(&parts.headers, "user-agent"),
            },
            "requestId": context.request_id,
            "routeKey": matched.key(),
            "stage": "$default",
            "time": context.at.format(clock).unwrap_or_default(),
            "timeEpoch": context.at.unix_timestamp() * 1000 + i64::from(context.at.millisecond()),
        },
        "isBase64Encoded": false,
    });
    // The gateway leaves out what is empty.
    if !matched.parameters.is_empty() {
        event["pathParameters"] = matched
            .decoded()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect::<Map<_, _>>()
            .into();
    }
    let query = query(parts.uri.query().unwrap_or_default());
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !body.is_empty() {
        let plain = str::from_utf8(body)
            .ok()
            .filter(|_| is_text(&parts.headers));
        event["isBase64Encoded"] = plain.is_none().into();
        event["body"] = plain
            .map_or_else(|| STANDARD.encode(body), str::to_owned)
            .into();
    }
    event
}

/// Lower-case names, repeated ones joined with a comma; cookies travel apart.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        if matches!(
            *name,
            header::COOKIE | header::CONNECTION | header::TRANSFER_ENCODING
        ) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
}

/// Decoded, repeated names joined with a comma.
fn query(raw: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        joined
            .entry(decode(name))
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert(value);
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::COOKIE);
    all.iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .collect()
}

/// Whether the gateway would pass the body as it stands: text, JSON, XML or JavaScript, not compressed.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = text(headers, "content-type").to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let known = [
        "application/json",
        "application/xml",
        "application/javascript",
    ];
    !headers.contains_key(header::CONTENT_ENCODING)
        && (kind.is_empty()
            || kind.starts_with("text/")
            || known.contains(&kind)
            || kind.ends_with("+json")
            || kind.ends_with("+xml"))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
