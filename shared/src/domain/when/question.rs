//! Whether a time is asked for.

use super::token::Tokens;
use super::words::{Length, Meaning};

/// "when", "what date", "which year", "how long", "how many months" …
pub(super) fn asks_for_a_time(tokens: &Tokens) -> bool {
    (0..tokens.len()).any(|at| match tokens.meaning(at) {
        Meaning::When => true,
        Meaning::What => {
            let named = tokens.skip(at + 1, Meaning::Is);
            is_time(tokens.meaning(at + 1)) || names_date(tokens, named)
        }
        Meaning::How => match tokens.meaning(at + 1) {
            Meaning::Long => true,
            Meaning::Many => is_time(tokens.meaning(at + 2)),
            _ => false,
        },
        _ => false,
    })
}

fn is_time(meaning: Meaning) -> bool {
    let unit = matches!(meaning, Meaning::Unit(length) if length != Length::Hour);
    unit || meaning == Meaning::Date
}

/// The "the date" of "what was the date".
fn names_date(tokens: &Tokens, at: usize) -> bool {
    tokens.meaning(at) == Meaning::The && tokens.meaning(at + 1) == Meaning::Date
}
