//! A request to one function, past the router, on either host.

use devstack::functions::Host;
use serde_json::{Value, json};

use super::client::{Answer, Request};
use super::timing::ServerTiming;
use crate::Error;

/// Where the emulator takes events.
const INVOCATIONS: &str = "/2015-03-31/functions/function/invocations";

/// The request as the host hands it to the function: as it is, or as an event of API Gateway's HTTP
/// API (payload format 2.0).
pub(super) fn request(
    host: Host,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> Request {
    if host == Host::Vercel {
        return Request::new(method, path, token, body);
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "127.0.0.1", "content-type": "application/json" },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "127.0.0.1",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "bench",
            },
            "requestId": "bench",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    });
    if let Some(token) = token {
        event["headers"]["authorization"] = json!(format!("Bearer {token}"));
    }
    Request::new("POST", INVOCATIONS, None, &event.to_string())
}

/// What the function said.
pub(super) fn answer(host: Host, answer: Answer) -> Result<Answer, Error> {
    if host == Host::Vercel {
        return Ok(answer);
    }
    let said: Value = serde_json::from_slice(&answer.expect(&[200])?.body)?;
    let Some(status) = said["statusCode"].as_u64() else {
        return Err(format!("the function failed: {said}").into());
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Answer {
        status: u16::try_from(status)?,
        timing: ServerTiming::new(&text(&said["headers"]["server-timing"])),
        body: text(&said["body"]).into_bytes(),
    })
}
