//! The command line, in a few lines: not worth a parser of its own in a crate that is slow to build.

use std::path::PathBuf;

/// How the command is called.
pub(crate) const USAGE: &str = "usage: embedder-minilm --model-dir DIR --port N [--api-key KEY]";

/// What it was asked.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// Where `config.json`, `tokenizer.json` and `model.safetensors` lie.
    pub(crate) model_dir: PathBuf,
    /// On 127.0.0.1; 0 lets the system choose.
    pub(crate) port: u16,
    /// The bearer key to ask for.
    pub(crate) api_key: Option<String>,
}

impl Arguments {
    /// Reads the arguments after the command's name; `None` when they are not as [`USAGE`] says.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut model_dir, mut port, mut api_key) = (None, None, None);
        while let Some(name) = words.next() {
            let value = words.next()?;
            match name.as_str() {
                "--model-dir" => model_dir = Some(PathBuf::from(value)),
                "--port" => port = Some(value.parse().ok()?),
                "--api-key" => api_key = Some(value),
                _ => return None,
            }
        }
        Some(Self {
            model_dir: model_dir?,
            port: port?,
            api_key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_key_is_optional_and_the_rest_is_not() {
        let full = parse("--port 0 --model-dir m --api-key k").unwrap();
        assert_eq!(
            full,
            Arguments {
                model_dir: "m".into(),
                port: 0,
                api_key: Some("k".into())
            }
        );
        assert!(parse("--port 80 --model-dir m").is_some());
        for wrong in [
            "",
            "--port 80",
            "--model-dir m",
            "--port x --model-dir m",
            "--port",
            "--odd 1",
        ] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
