//! Dates, and among them those of birth, by the words before them.

use super::{Text, cue, date};
use crate::redact::class::Class;
use crate::redact::spans::Found;

const CUES: [&str; 13] = [
    "born",
    "birth",
    "dob",
    "d.o.b",
    "birthday",
    "birthdate",
    "bday",
    "date of birth",
    "geboren",
    "geburtsdatum",
    "geb",
    "né le",
    "née le",
];

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for date in date::dates(text.text) {
        found.add(Class::DateTime, date.start, date.end);
        let said =
            || cue::before(text.text, date.start, &CUES) || cue::after(text.text, date.end, &CUES);
        if date.whole && said() {
            found.add(Class::BirthDate, date.start, date.end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn whole_dates_are_of_birth_by_context() {
        for (text, date) in [
            ("born on 5/20/1990 in Rome", "5/20/1990"),
            ("DOB: 1990-05-20", "1990-05-20"),
            ("my date of birth is May 20, 1990.", "May 20, 1990"),
            ("20.05.1990 is my birthday", "20.05.1990"),
        ] {
            assert_eq!(found(Class::BirthDate, text), [date], "{text}");
            assert_eq!(found(Class::DateTime, text), [date], "{text}");
        }
        for text in [
            "her birthday is on May 5",
            "met on 5/20/1990",
            "born free, seen 5/20/1990",
        ] {
            assert!(found(Class::BirthDate, text).is_empty(), "{text}");
        }
    }
}
