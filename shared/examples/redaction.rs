//! What `cargo xtask bench redact` runs, built as a function is deployed:
//!
//! - `idle`: nothing, to know what a process costs
//! - `ready`: one redaction with every class in it; prints the nanoseconds since `main` began
//! - `turns ROUNDS`: redacts the turns on stdin, a JSON array of texts; prints the nanoseconds of each round

use std::hint::black_box;
use std::io::Read;
use std::time::Instant;

use memory_orchestrator::redact::Redactor;

/// Wakes every detector.
const SAMPLE: &str = "ann@example.org, ann (at) example dot org, 4012-8888-8888-1881, DE89370400440532013000, 10.0.0.1, \
    +49 30 1234567, SSN 219-09-9998, password: hunter2, Bearer abc123DEF456, 221B Baker Street, born 5/20/1990, ４０１２, \
    00:1A:2B:3C:4D:5E, https://me:s3cret@example.org, a private matter";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let began = Instant::now();
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("idle") => {}
        Some("ready") => {
            black_box(Redactor::default().redact(black_box(SAMPLE)));
            println!("{}", began.elapsed().as_nanos());
        }
        Some("turns") => {
            let rounds: usize = arguments.next().ok_or("how many rounds?")?.parse()?;
            let mut turns = String::new();
            std::io::stdin().read_to_string(&mut turns)?;
            let turns: Vec<String> = serde_json::from_str(&turns)?;
            let redactor = Redactor::default();
            for _ in 0..rounds {
                let began = Instant::now();
                for turn in &turns {
                    black_box(redactor.redact(black_box(turn)));
                }
                println!("{}", began.elapsed().as_nanos());
            }
        }
        _ => return Err("idle, ready or turns".into()),
    }
    Ok(())
}
