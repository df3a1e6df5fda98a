//! From a request to the words of a command.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A command's name and arguments.
pub(super) type Words = Vec<Vec<u8>>;

/// What a connection that is shared may not do: change its own state, wait, or end the server.
const UNAVAILABLE: &[&str] = &[
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "CONFIG",
    "DEBUG",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "REPLICAOF",
    "RESET",
    "SELECT",
    "SHUTDOWN",
    "SLAVEOF",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WATCH",
];

/// `["SET", "key", "value"]`; numbers and booleans are taken as their text.
pub(super) fn from_json(value: &Value) -> Result<Words, String> {
    let Some(items) = value.as_array() else {
        return Err("ERR failed to parse command: not an array".to_owned());
    };
    let words = items
        .iter()
        .map(|item| match item {
            Value::String(text) => Ok(text.clone().into_bytes()),
            Value::Number(number) => Ok(number.to_string().into_bytes()),
            Value::Bool(yes) => Ok(yes.to_string().into_bytes()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                Err("ERR failed to parse command: an argument is no text".to_owned())
            }
        })
        .collect::<Result<_, _>>()?;
    available(words)
}

/// `[["SET", …], ["GET", …]]`, of a pipeline or a transaction.
pub(super) fn many_from_json(value: &Value) -> Result<Vec<Words>, String> {
    match value.as_array().map(Vec::as_slice) {
        None => Err("ERR failed to parse pipeline: not an array".to_owned()),
        Some([]) => Err("ERR empty pipeline request".to_owned()),
        Some(commands) => commands.iter().map(from_json).collect(),
    }
}

/// `/set/key/value`, then the body when there is one, then the parameters: `?EX=100` is `EX 100`.
pub(super) fn from_path(path: &str, query: &str, body: &[u8]) -> Result<Words, String> {
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let mut words: Words = path.trim_matches('/').split('/').map(decoded).collect();
    if !body.is_empty() {
        words.push(body.to_vec());
    }
    for (name, value) in parameters(query).filter(|(name, _)| *name != TOKEN) {
        words.push(decoded(name));
        if !value.is_empty() {
            words.push(decoded(value));
        }
    }
    available(words)
}

/// The parameter that may carry the token.
pub(super) const TOKEN: &str = "_token";

/// The parameters of a query, as they stand there.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn available(words: Words) -> Result<Words, String> {
    let name = words.first().map_or(&b""[..], Vec::as_slice);
    if name.is_empty() {
        return Err("ERR empty command".to_owned());
    }
    let name = String::from_utf8_lossy(name).to_ascii_uppercase();
    if UNAVAILABLE.contains(&name.as_str()) {
        return Err(format!("ERR Command is not available: '{name}'"));
    }
    Ok(words)
}
