//! What a pipeline's answer says.

use serde::Deserialize;
use serde_json::Value;

use crate::adapters::{Adapter, Error, ErrorKind};

/// `{"result": …}` or `{"error": "…"}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Error { error: String },
    Result { result: Value },
}

/// Reads the body of a 2xx: as many entries as there were commands.
pub(super) fn read(body: &[u8], commands: usize) -> Result<Vec<Result<Value, Error>>, Error> {
    // The parser's message could quote the body, so only the fault's kind is kept.
    let entries: Vec<Entry> =
        serde_json::from_slice(body).map_err(|_| malformed("not the shape of a pipeline"))?;
    if entries.len() != commands {
        return Err(malformed("as many results as commands were expected"));
    }
    let result = |entry| match entry {
        Entry::Result { result } => Ok(result),
        Entry::Error { error } => Err(refused(&error)),
    };
    Ok(entries.into_iter().map(result).collect())
}

/// Of Redis's words only the first, a code such as `WRONGTYPE`: the others may quote arguments.
fn refused(error: &str) -> Error {
    let code = error.split_whitespace().next().unwrap_or_default();
    let is_code = code.len() <= 20 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    let detail = if is_code { code } else { "an error" };
    Error::new(Adapter::Redis, ErrorKind::Refused, detail)
}

pub(super) fn malformed(detail: &str) -> Error {
    Error::new(Adapter::Redis, ErrorKind::Malformed, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_result_or_its_error() {
        let body = br#"[{"result": "OK"}, {"result": null}, {"error": "WRONGTYPE of my key"}]"#;
        let results = read(body, 3).unwrap();
        assert_eq!(results[0].as_ref().unwrap(), "OK");
        assert!(results[1].as_ref().unwrap().is_null());
        let error = results[2].as_ref().unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert_eq!(error.detail, "WRONGTYPE");
    }

    #[test]
    fn a_2xx_is_not_believed_when_its_body_says_otherwise() {
        for body in [
            "",
            "<html>",
            "{}",
            "[]",
            "[{}]",
            "[null]",
            r#"[{"result": 1}, {"result": 2}]"#,
            r#"{"result": "OK"}"#,
            r#"[{"error": 1}]"#,
        ] {
            let error = read(body.as_bytes(), 1).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Malformed, "{body}");
        }
    }

    #[test]
    fn an_error_quotes_nothing_of_a_user() {
        for said in ["my secret text", "ERR unknown command 'my secret'", ""] {
            let error = refused(said).to_string();
            assert!(
                !error.contains("my") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
