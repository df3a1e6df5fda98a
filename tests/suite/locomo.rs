//! Real conversations (LoCoMo), where they are at hand: does context bring what answers a question?

use std::collections::BTreeSet;

use black_box::{Deployment, run};
use devstack::functions::Host;
use devstack::stack::workspace;
use serde_json::{Value, json};

const SESSIONS: usize = 3;
const QUESTIONS: usize = 10;

#[test]
fn most_questions_find_a_turn_that_answers_them() {
    let file = workspace().join("../shared/data/locomo/dev.json");
    let Ok(text) = std::fs::read_to_string(file) else {
        devstack::skipped("no LoCoMo data");
        return;
    };
    let data: Value = serde_json::from_str(&text).unwrap();
    run(async {
        let deployment = Deployment::shared(Host::Vercel).await;
        let user = deployment.as_somebody();
        let conversation = &data[0]["conversation"];
        let mut recorded = BTreeSet::new();
        for number in 1..=SESSIONS {
            let session = format!("session_{number}");
            let turns: Vec<_> = conversation[&session]
                .as_array()
                .unwrap()
                .iter()
                .map(|said| turn(said, &conversation["speaker_a"]))
                .collect();
            recorded.extend(turns.iter().map(|turn| turn["id"].clone().to_string()));
            user.record(&session, &turns).await;
            user.synced(&session).await;
        }

        let answerable = |question: &&Value| {
            let evidence = question["evidence"].as_array().unwrap();
            (1..=4).contains(&question["category"].as_u64().unwrap())
                && !evidence.is_empty()
                && evidence.iter().all(|id| recorded.contains(&id.to_string()))
        };
        let questions = data[0]["qa"].as_array().unwrap().iter().filter(answerable);
        let (mut asked, mut answered) = (0, 0);
        for question in questions.take(QUESTIONS) {
            let ask = json!({
                "query": question["question"], "include": ["relevant"], "deadlineMs": 5000,
            });
            let items = user.context(ask).await.each("items", "id");
            let evidence = question["evidence"].as_array().unwrap();
            asked += 1;
            answered += usize::from(evidence.iter().any(|id| items.contains(id)));
        }
        eprintln!("{answered} of {asked} questions found a turn that answers them");
        assert_eq!(asked, QUESTIONS);
        assert!(2 * answered >= asked, "only {answered} of {asked}");
    });
}

fn turn(said: &Value, first_speaker: &Value) -> Value {
    let role = if said["speaker"] == *first_speaker {
        "user"
    } else {
        "assistant"
    };
    let text = format!(
        "{}: {}",
        said["speaker"].as_str().unwrap(),
        said["text"].as_str().unwrap()
    );
    json!({ "id": said["dia_id"], "role": role, "content": text })
}
