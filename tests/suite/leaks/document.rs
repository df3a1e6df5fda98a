//! `docs/logging.md`, held to be one with the source and with the run.

use std::collections::BTreeSet;
use std::fs;

use devstack::stack::workspace;

use super::source;

/// Said by the subscriber when a span ends.
const OF_SPANS: &str = "close";

/// Types whose `Debug` holds no text: the adapters' errors.
const BY_DEBUG: [&str; 1] = ["error"];

/// Files that write a value by its `Debug`: why a caller was refused, and the name of a deployment's own pattern.
const DEBUG_IN: [&str; 2] = ["shared/src/problem.rs", "shared/src/redact/config.rs"];

/// The cells of each row of the table whose first column has this title.
fn table(first: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(workspace().join("docs/logging.md")).unwrap();
    let head = format!("| {first} |");
    let mut lines = text.lines().skip_while(|line| !line.starts_with(&head));
    assert!(
        lines.next().is_some(),
        "no table with {first} in docs/logging.md"
    );
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

/// What stands in backticks.
fn words(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The kinds of things that are never logged.
pub(super) fn never() -> Vec<String> {
    let rows = table("never").into_iter();
    rows.map(|mut cells| cells.swap_remove(0)).collect()
}

#[test]
fn the_lines_of_the_source_are_those_of_the_document_field_by_field() {
    let mut listed = BTreeSet::new();
    for row in table("level") {
        let [level, messages, _, fields] = row.as_slice() else {
            panic!("not four cells: {row:?}");
        };
        for message in words(messages) {
            let level = level.trim_matches('`').to_owned();
            listed.insert((level, message, words(fields)));
        }
    }
    listed.retain(|(_, message, _)| message != OF_SPANS);
    let said = source::said();
    let lines = said.iter().filter(|said| said.level != "span");
    let mut found = BTreeSet::new();
    for line in lines {
        let line = (
            line.level.clone(),
            line.message.clone(),
            line.fields.clone(),
        );
        assert!(
            listed.contains(&line),
            "docs/logging.md does not list {line:?}"
        );
        found.insert(line);
    }
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(
        gone.is_empty(),
        "docs/logging.md lists what is never said: {gone:?}"
    );
}

#[test]
fn the_spans_of_the_source_are_those_of_the_document_field_by_field() {
    let listed: Vec<_> = table("span")
        .iter()
        // Of a field's words only the field itself is a name.
        .map(|row| (words(&row[0]), fields_of(&row[2])))
        .collect();
    let all: BTreeSet<String> = listed
        .iter()
        .flat_map(|(_, fields)| fields.clone())
        .collect();
    let mut found = BTreeSet::new();
    for span in source::said().iter().filter(|said| said.level == "span") {
        if span.message == "$name" {
            for (names, fields) in &listed {
                let is_adapters = names.iter().all(|name| name.starts_with("adapter."));
                assert!(!is_adapters || *fields == span.fields, "{names:?}");
            }
            continue;
        }
        let row = listed
            .iter()
            .find(|(names, _)| names.contains(&span.message));
        let (_, fields) = row.unwrap_or_else(|| panic!("docs/logging.md has no {span:?}"));
        assert!(span.fields.is_empty() || span.fields == *fields, "{span:?}");
        found.insert(span.message.clone());
    }
    let named: BTreeSet<_> = listed.iter().flat_map(|(names, _)| names.clone()).collect();
    assert_eq!(found, named);
    let recorded = source::recorded();
    assert!(recorded.is_subset(&all), "{recorded:?}");
}

/// The words before any bracket: `operation` of `operation` (`push`, `search`).
fn fields_of(cell: &str) -> BTreeSet<String> {
    let mut plain = String::new();
    let mut depth = 0;
    for character in cell.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(character),
            _ => {}
        }
    }
    words(&plain)
}

#[test]
fn nothing_is_said_in_another_way_or_by_debug_but_errors() {
    assert_eq!(source::other_ways(), [""; 0]);
    assert_eq!(source::by_debug(), DEBUG_IN);
    for said in source::said() {
        let allowed = said
            .by_debug
            .iter()
            .all(|field| BY_DEBUG.contains(&field.as_str()));
        assert!(allowed, "{said:?}");
    }
}
