//! The format, by a file that was made up for it.

use time::macros::datetime;

use super::{Category, Dataset};

const SAMPLE: &[u8] = include_bytes!("sample.json");

#[test]
fn sessions_come_in_their_order_with_their_dates() {
    let dataset = Dataset::parse(SAMPLE, usize::MAX).unwrap();
    assert_eq!((dataset.conversations.len(), dataset.turns()), (2, 5));
    let sessions = &dataset.conversations[0].sessions;
    let ids: Vec<_> = sessions.iter().map(|session| session.id.as_str()).collect();
    assert_eq!(ids, ["session_2", "session_10"]);
    assert_eq!(sessions[0].began, datetime!(2023-05-08 13:56 UTC));
    assert_eq!(sessions[1].began, datetime!(2024-01-02 00:05 UTC));
    let one = &dataset.conversations[1].sessions[0].turns[0];
    assert_eq!(
        (one.speaker.as_str(), one.text.as_str()),
        ("Cleo", "I bought a harp.")
    );
    assert_eq!(Dataset::parse(SAMPLE, 1).unwrap().turns(), 4);
}

#[test]
fn each_turn_has_an_id_of_its_own_and_its_picture() {
    let dataset = Dataset::parse(SAMPLE, 1).unwrap();
    let turns = &dataset.conversations[0].sessions[0].turns;
    let ids: Vec<_> = turns.iter().map(|turn| turn.id.as_str()).collect();
    assert_eq!(ids, ["D2:1", "D2:2", "session_2/3"]);
    assert_eq!(turns[0].caption, None);
    let picture = turns[1].caption.as_deref();
    assert_eq!(picture, Some("a photo of a green canoe with a hole"));
    assert_eq!(turns[1].text, "Mine too, look!");
}

#[test]
fn a_question_counts_when_it_has_a_category_and_evidence_that_exists() {
    let dataset = Dataset::parse(SAMPLE, usize::MAX).unwrap();
    let questions = &dataset.conversations[0].questions;
    let read: Vec<_> = questions
        .iter()
        .map(|question| {
            let evidence: Vec<_> = question.evidence.iter().map(String::as_str).collect();
            (question.category, evidence)
        })
        .collect();
    assert_eq!(
        read,
        [
            (Category::MultiHop, vec!["D2:1", "D2:2"]),
            (Category::Temporal, vec!["D10:1"]),
            (Category::SingleHop, vec!["D2:2"]),
        ]
    );
    assert_eq!(dataset.without_evidence, 2);
    assert_eq!(dataset.unknown_evidence, 2);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_name() {
    let folder = std::env::temp_dir().join(format!("recall-{}", uuid::Uuid::new_v4()));
    std::fs::create_dir(&folder).unwrap();
    let dated = r#"[{"conversation": {"session_1": [{"dia_id": "D1:1", "text": "a"}],
        "session_1_date_time": "in May"}, "qa": []}]"#;
    for (text, expected) in [
        (None, "No such file"),
        (Some("{"), "not in LoCoMo's format"),
        (Some(r#"[{"conversation": {}}]"#), "missing field `qa`"),
        (
            Some(dated),
            "conversation 1: session_1 has no date that can be read: in May",
        ),
        (Some("[]"), "no question of categories 1 to 4 with evidence"),
    ] {
        let file = folder.join("data.json");
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let error = Dataset::read(&file, None).unwrap_err().to_string();
        assert!(
            error.contains("data.json: ") && error.contains(expected),
            "{error}"
        );
    }
    std::fs::remove_dir_all(folder).unwrap();
}
