use serde_json::json;

use super::super::{TIME_WORDS, asked};
use super::resolved;

#[test]
fn a_question_of_when_is_told_from_others() {
    for query in [
        "When did it happen?",
        "since when",
        "What date was it?",
        "On which day did we meet?",
        "what year",
        "Which month was the trip in?",
        "What was the date of the trip?",
        "What's the date?",
        "How long ago was that?",
        "how long did it take",
        "How many weeks passed?",
        "how much time",
    ] {
        assert!(asked(query).for_a_time, "{query}");
    }
    for query in [
        "",
        "What did we do last week?",
        "How many times did she go?",
        "How many hours of sleep?",
        "which person",
        "What is the name of the dog?",
        "Whenever",
        "the date",
        "how",
        "what",
    ] {
        assert!(!asked(query).for_a_time, "{query}");
    }
}

/// What `memories.asked_ranges` reads.
#[test]
fn spans_are_written_as_the_database_reads_them() {
    let written = |query| json!(asked(query).spans);
    assert_eq!(
        written("7 May 2023"),
        json!([{
            "from": { "base": 2023, "months": 4, "days": 5 },
            "to": { "base": 2023, "months": 4, "days": 14 },
        }])
    );
    assert_eq!(
        written("since last Tuesday, and in January"),
        json!([
            { "from": { "base": "week", "leadDays": 2, "days": 1 } },
            { "from": { "base": "year" }, "to": { "base": "year", "months": 1, "days": 3 }, "eachYear": true },
        ])
    );
    assert_eq!(
        written("last summer"),
        json!([{
            "from": { "base": "year", "leadMonths": 8, "months": 5 },
            "to": { "base": "year", "leadMonths": 8, "months": 8, "days": 3 },
        }])
    );
}

#[test]
fn several_times_are_all_read_and_none_twice() {
    assert_eq!(
        resolved("Was it in May 2023, on 1 July 2023, or in May 2023?"),
        "2023-05-01..2023-06-04, 2023-06-30..2023-07-09"
    );
    let many: Vec<_> = (1..=28).map(|day| format!("{day} May 2023")).collect();
    assert_eq!(asked(&many.join(", ")).spans.len(), 16);
}

#[test]
fn a_long_query_is_read_as_far_as_the_database_reads_it() {
    let padded = |len: usize| format!("{}May 2023", "é ".repeat(len / 2));
    assert_eq!(asked(&padded(9_900)).spans.len(), 1);
    assert_eq!(asked(&padded(10_000)).spans.len(), 0);
}

/// Each of these begins something at every word, and ends none of it.
#[test]
fn what_never_ends_is_given_up_at_once() {
    for piece in [
        "between May and ",
        "from ",
        "the week before ",
        "last ",
        "two days before yesterday and ",
        "twenty-",
        "2023-05-",
        "7 of ",
        "'",
        "99999999999 days ago ",
        "ago ",
        "May ",
        "1 ",
    ] {
        let text = piece.repeat(10_000 / piece.len());
        assert!(asked(&text).spans.len() <= 16, "{piece}");
    }
}

#[test]
fn the_first_and_the_last_year_are_read() {
    assert_eq!(resolved("2 January 0001"), "0001-01-01..0001-01-10");
    assert_eq!(resolved("1 December 9999"), "9999-11-30..9999-12-09");
    for query in [
        "1 January 0000",
        "May 0000",
        "Christmas 0000",
        "early May 0000",
    ] {
        assert_eq!(resolved(query), "", "{query}");
    }
    assert_eq!(resolved("2000 years ago"), "0023-05-15..0024-05-19");
    assert_eq!(resolved("2001 years ago"), "");
    assert_eq!(asked("from December to January 0001").spans.len(), 1);
    assert_eq!(asked("from December 9999 to January").spans.len(), 1);
}

#[test]
fn words_that_tell_a_time_are_in_small_letters_and_none_twice() {
    let mut words = TIME_WORDS.to_vec();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), TIME_WORDS.len());
    assert!(
        words
            .iter()
            .all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
    );
}
