//! What a query says of time: whether it asks for one, and the days that it names.
//!
//! Words that count from today stay such words: which day it is where the caller is, and when it began there, only the
//! database knows (`memories.asked_ranges`). `docs/recall.md`, "When", has what is understood.

mod date;
mod part;
mod period;
mod question;
mod read;
mod relative;
mod span;
mod token;
mod words;

#[cfg(test)]
mod tests;

pub use self::span::{Base, Mark, Span, Unit};

use self::token::Tokens;

/// Lexemes (English stems) of turns that tell a time; `memories.time_words` is the same list. "May" is not among them:
/// most that may is no month.
pub const TIME_WORDS: &[&str] = &[
    "yesterday",
    "today",
    "tonight",
    "tomorrow",
    "ago",
    "last",
    "next",
    "past",
    "sinc",
    "week",
    "weekend",
    "month",
    "year",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "januari",
    "februari",
    "march",
    "april",
    "june",
    "juli",
    "august",
    "septemb",
    "octob",
    "novemb",
    "decemb",
    "summer",
    "winter",
];

/// What a query says of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whether it asks for a time: "when", "what date", "which year", "how long ago" …
    pub for_a_time: bool,
    /// The days it names, at most 16 of them, for `memories.asked_ranges` to resolve. A day is already widened: from the
    /// day before through the seventh day behind it, since people tell of a day on the days after.
    pub spans: Vec<Span>,
}

/// Reads the first 10,000 characters of a query, once through.
pub fn asked(query: &str) -> Asked {
    let tokens = Tokens::of(query);
    Asked {
        for_a_time: question::asks_for_a_time(&tokens),
        spans: read::spans(&tokens),
    }
}
