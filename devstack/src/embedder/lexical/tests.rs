use super::*;

fn cosine(a: &str, b: &str) -> f32 {
    embed(a).iter().zip(embed(b)).map(|(a, b)| a * b).sum()
}

fn length(vector: &[f32]) -> f32 {
    vector.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// Stored vectors depend on it: if this changes, the model needs a new name.
#[test]
fn a_vector_is_the_same_for_ever() {
    let vector = embed("My flight to Lisbon leaves on Friday; the seats aren't booked yet.");
    // Rounded, so that another machine's last bit of `ln` and `sqrt` does not matter.
    let rounded: String = vector.iter().map(|x| format!("{x:.4} ")).collect();
    assert_eq!(
        format!("{:016x}", hash(b't', &[&rounded])),
        "5cd9a3ae4a4e648f"
    );
}

#[test]
fn related_texts_are_nearer_than_unrelated_ones() {
    let query = "When does my flight to Lisbon leave?";
    let answer = "Your flight leaves for Lisbon on Friday at 9:40 from gate 12.";
    let others = [
        "The recipe needs two eggs, flour and a pinch of salt.",
        "I have been thinking about what you said to me over there.",
        "Can you help me write a cover letter for a job at a bank?",
        "東京で会いましょう",
    ];
    let near = cosine(query, answer);
    assert!(near > 0.4, "{near}");
    for other in others {
        let far = cosine(query, other);
        assert!(far < near / 2.0, "{far}: {other}");
    }
}

#[test]
fn inflection_case_and_typing_errors_are_forgiven() {
    assert!(cosine("BAKED cakes", "baking a cake") > 0.6);
    assert!(cosine("restaurant", "restaraunt") > 0.15);
    assert!(cosine("Münchner Straße", "münchner strasse") > 0.4);
}

#[test]
fn order_counts_a_little() {
    let same = cosine("dog bites man", "dog bites man");
    let turned = cosine("dog bites man", "man bites dog");
    assert!((same - 1.0).abs() < 1e-5);
    assert!(turned > 0.7 && turned < 0.99, "{turned}");
}

#[test]
fn repetition_is_damped() {
    assert!(
        cosine(
            "coffee tea",
            "coffee coffee coffee coffee coffee coffee tea"
        ) > 0.75
    );
}

#[test]
fn every_text_has_a_vector_of_length_one() {
    for text in [
        "",
        " ",
        "?!",
        "🎉",
        "👩‍👩‍👧",
        "e\u{301}",
        "\u{0}",
        "ß",
        "Ω",
        "नमस्ते दुनिया",
        "the",
        &"long ".repeat(50_000),
    ] {
        let vector = embed(text);
        assert_eq!(vector.len(), DIMENSIONS);
        assert!((length(&vector) - 1.0).abs() < 1e-5, "{text:?}");
    }
    assert!(cosine("🎉", "🎈") < 0.5);
}

#[test]
fn it_can_stand_in_for_a_model_of_another_size() {
    let vector = Lexical::new("text-embedding-3-small", 1536).vector("hello there");
    assert_eq!(vector.len(), 1536);
    assert!((length(&vector) - 1.0).abs() < 1e-5);
}
