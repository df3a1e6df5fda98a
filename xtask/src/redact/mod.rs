//! `cargo xtask redact --jsonl`: what redaction finds, one text to a line, for whoever judges it.
//!
//! Texts go in and out; nothing is logged, kept or sent.

mod lines;

use std::io::{self, BufRead, BufReader, BufWriter, Write};

use memory_orchestrator::redact::{Allowed, Classes, Config, Pattern, Redactor};

use crate::Error;

/// Of a stream that is read and written in pieces.
const BUFFER: usize = 1 << 18;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Read `{"text"}` a line on stdin, write `{"text", "spans": [{"class", "start", "end"}]}` a line:
    /// the redacted text, and what was found in the given one, in code points
    #[arg(long, required = true)]
    jsonl: bool,
    /// Every class, also those that are off by default, and numbers that have a class's shape and nothing
    /// else to show for it; then a number may have several readings
    #[arg(long)]
    all_classes: bool,
    /// Changes to the default classes: `+URL,-PHONE_NUMBER`
    #[arg(long, conflicts_with = "all_classes", allow_hyphen_values = true)]
    classes: Option<String>,
    /// A pattern of your own, `EMPLOYEE_ID=EMP-\d{6}`; may be repeated
    #[arg(long)]
    pattern: Vec<String>,
    /// Values that are let pass, after commas; `@example.org` is a whole domain
    #[arg(long)]
    allow: Option<String>,
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Error> {
    let redactor = Redactor::new(config(&arguments)?);
    let mut input = BufReader::with_capacity(BUFFER, io::stdin().lock());
    let mut output = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            break;
        }
        if !line.trim().is_empty() {
            let answer = lines::answer(&redactor, &line);
            // The parser's own words may quote the line.
            let answer = answer.map_err(|_| format!("line {number} is no {{\"text\"}}"))?;
            output.write_all(answer.as_bytes())?;
        }
        // Whoever writes a line and waits for its answer gets it.
        if input.buffer().is_empty() {
            output.flush()?;
        }
    }
    Ok(output.flush()?)
}

fn config(arguments: &Arguments) -> Result<Config, Error> {
    let classes = if arguments.all_classes {
        Classes::all()
    } else {
        let changes = arguments.classes.as_deref().unwrap_or_default();
        Classes::parse(changes).map_err(|name| format!("there is no class {name}"))?
    };
    Ok(Config {
        classes,
        by_shape: arguments.all_classes,
        custom: Pattern::parse(&arguments.pattern.join("\n"))?,
        allow: Allowed::parse(arguments.allow.as_deref().unwrap_or_default()),
    })
}
