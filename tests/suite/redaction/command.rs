//! Redaction through the command, over data that lies outside the project, where it is at hand.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use devstack::stack::workspace;
use serde_json::{Value, json};

/// `cargo xtask redact --jsonl`, with what it reads and says at hand.
fn command(options: &[&str]) -> Child {
    let mut cargo = Command::new(env!("CARGO"));
    // What the cargo that runs us told us of our own package would have build scripts run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
        .current_dir(workspace())
        .args(["run", "--quiet", "--package", "xtask", "--"]);
    cargo.args(["redact", "--jsonl"]).args(options);
    cargo
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    cargo.spawn().unwrap()
}

/// What it answers to texts.
fn redact(texts: &[&str], options: &[&str]) -> Vec<Value> {
    let mut command = command(options);
    let mut stdin = command.stdin.take().unwrap();
    let lines: String = texts
        .iter()
        .map(|text| json!({ "text": text }).to_string() + "\n")
        .collect();
    // It answers while it reads, so somebody must read while this writes.
    let writes = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = command.wait_with_output().unwrap();
    writes.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), texts.len());
    answers
}

fn data(file: &str) -> Option<String> {
    let path: PathBuf = workspace().join("../shared/data").join(file);
    let read = std::fs::read_to_string(path).ok();
    if read.is_none() {
        devstack::skipped(&format!("no {file}"));
    }
    read
}

#[test]
fn of_presidios_own_cases_at_least_97_in_100_are_answered_alike() {
    let Some(cases) = data("redaction/dev.jsonl") else {
        return;
    };
    let cases: Vec<Value> = cases
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let texts: Vec<&str> = cases
        .iter()
        .map(|case| case["text"].as_str().unwrap())
        .collect();
    let answers = redact(&texts, &["--all-classes"]);
    let (mut with, mut found, mut without, mut clean) = (0, 0, 0, 0);
    for (case, answer) in cases.iter().zip(&answers) {
        let spans = answer["spans"].as_array().unwrap();
        let wanted = case["spans"].as_array().unwrap();
        let has = |wanted: &Value| {
            spans.iter().any(|span| {
                span["class"] == case["entity"] && json!([span["start"], span["end"]]) == *wanted
            })
        };
        if wanted.is_empty() {
            without += 1;
            clean += usize::from(spans.is_empty());
        } else {
            with += 1;
            found += usize::from(wanted.iter().all(has));
        }
    }
    eprintln!("{found} of {with} found, nothing found in {clean} of {without}");
    assert!(with > 100 && without > 100);
    assert!(100 * found >= 97 * with, "{found} of {with}");
    assert!(100 * clean >= 97 * without, "{clean} of {without}");
}

#[test]
fn of_ordinary_chat_at_most_one_turn_in_1000_is_changed() {
    let Some(conversations) = data("locomo/dev.json") else {
        return;
    };
    let conversations: Value = serde_json::from_str(&conversations).unwrap();
    let conversations = conversations.as_array().unwrap().iter();
    let sessions = conversations
        .flat_map(|conversation| conversation["conversation"].as_object().unwrap().values());
    let turns: Vec<&Value> = sessions.filter_map(Value::as_array).flatten().collect();
    let texts: Vec<&str> = turns
        .iter()
        .map(|turn| turn["text"].as_str().unwrap())
        .collect();
    let answers = redact(&texts, &[]);
    let changed: Vec<String> = turns
        .iter()
        .zip(&answers)
        .filter(|(turn, answer)| turn["text"] != answer["text"])
        .map(|(turn, answer)| format!("{}: {}", turn["dia_id"], answer["spans"]))
        .collect();
    eprintln!(
        "{} of {} turns changed: {changed:?}",
        changed.len(),
        turns.len()
    );
    assert!(turns.len() > 1000);
    assert!(1000 * changed.len() <= turns.len());
}

#[test]
fn the_command_answers_in_code_points_and_quotes_no_line_it_cannot_read() {
    let answers = redact(
        &[
            "é🦀 ann@x.org",
            "nothing",
            "4012\u{200b}8888\u{200b}8888\u{200b}1881",
        ],
        &[],
    );
    assert_eq!(
        answers,
        [
            json!({ "text": "é🦀 [EMAIL_1]", "spans": [{ "class": "EMAIL_ADDRESS", "start": 3, "end": 12 }] }),
            json!({ "text": "nothing", "spans": [] }),
            json!({ "text": "[CARD_1]", "spans": [{ "class": "CREDIT_CARD", "start": 0, "end": 19 }] }),
        ]
    );
    let mut command = command(&[]);
    command
        .stdin
        .take()
        .unwrap()
        .write_all(b"{\"text\": \"a\"}\nann@x.org\n")
        .unwrap();
    let output = command.wait_with_output().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("line 2") && !said.contains("ann"), "{said}");
}
