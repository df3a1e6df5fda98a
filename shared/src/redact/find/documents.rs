//! Numbers of passports, driving licences and bank accounts, by the words beside them. By their shape alone
//! they are letters and digits like any others.

use super::digits::{Group, continues_after, continues_before};
use super::tokens::{Token, words};
use super::{Text, cue};
use crate::redact::class::Class;
use crate::redact::spans::Found;

const PASSPORT: [&str; 3] = ["passport", "reisepass", "passeport"];

const LICENSE: [&str; 17] = [
    "driver's license",
    "driver's licence",
    "drivers license",
    "drivers licence",
    "driver license",
    "driver licence",
    "driving license",
    "driving licence",
    "license",
    "licence",
    "permit",
    "dl",
    "dl#",
    "driver's lic",
    "drivers lic",
    "führerschein",
    "führerscheinnummer",
];

const BANK: [&str; 16] = [
    "account",
    "acct",
    "a/c",
    "bank",
    "bank account",
    "checking",
    "savings",
    "checking account",
    "routing",
    "sort",
    "kontonummer",
    "konto",
    "iban",
    "debit",
    "direct deposit",
    "aba",
];

/// Digits of a bank account.
const ACCOUNT: std::ops::RangeInclusive<usize> = 6..=17;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    for word in words(text.text) {
        let digits = word.text.bytes().filter(u8::is_ascii_digit).count();
        let bounded =
            !continues_before(text.text, word.start) && !continues_after(text.text, word.end());
        if bounded && (4..=17).contains(&digits) {
            said(text.text, word, digits, found);
            if found.takes_shapes() {
                shaped(word, digits, found);
            }
        }
    }
    for row in text.rows() {
        grouped(text.text, row, found);
    }
}

/// What the words beside it say.
fn said(text: &str, word: Token<'_>, digits: usize, found: &mut Found) {
    let (start, end) = (word.start, word.end());
    let is = |cues: &[&str]| cue::before(text, start, cues) || cue::after(text, end, cues);
    let letters = word.text.len() - digits;
    if (6..=9).contains(&word.text.len()) && digits >= 5 && is(&PASSPORT) {
        found.add(Class::Passport, start, end);
    }
    if (5..=18).contains(&word.text.len()) && is(&LICENSE) {
        found.add(Class::DriverLicense, start, end);
    }
    if letters == 0 && ACCOUNT.contains(&digits) && is(&BANK) {
        found.add(Class::BankNumber, start, end);
    }
}

/// What it could be.
fn shaped(word: Token<'_>, digits: usize, found: &mut Found) {
    let (start, end) = (word.start, word.end());
    let first = word
        .text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_uppercase());
    match (word.text.len() - digits, digits) {
        (0, 9) => {
            found.add_shape(Class::Passport, start, end);
            found.add_shape(Class::BankNumber, start, end);
        }
        (0, 8..=17) => found.add_shape(Class::BankNumber, start, end),
        (1, 4..=13) if first => {
            found.add_shape(Class::DriverLicense, start, end);
            if digits == 8 {
                found.add_shape(Class::Passport, start, end);
            }
        }
        _ => {}
    }
}

/// An account in groups: `12-34-56 12345678`, `0123 4567 89`.
fn grouped(text: &str, row: &[Group], found: &mut Found) {
    let (Some(first), true) = (row.first(), row.len() > 1) else {
        return;
    };
    let mut total = 0;
    let mut end = 0;
    for (index, group) in row.iter().enumerate() {
        let close = index == 0 || matches!(&text[row[index - 1].end..group.start], " " | "-");
        total += group.len();
        if !close || total > *ACCOUNT.end() {
            break;
        }
        end = group.end;
    }
    let digits = row
        .iter()
        .take_while(|group| group.end <= end)
        .map(|group| group.len())
        .sum();
    let is_date = matches!(row, [year, ..] if year.len() == 4 && total == 8 && row.len() == 3);
    let is_year =
        |group: &Group| matches!(text.get(group.start..group.start + 2), Some("19" | "20"));
    let is_date = is_date || row.iter().all(|group| group.len() == 4 && is_year(group));
    if ACCOUNT.contains(&digits)
        && !is_date
        && end > first.end
        && cue::before(text, first.start, &BANK)
    {
        found.add(Class::BankNumber, first.start, end);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, shapes};
    use super::*;

    #[test]
    fn numbers_are_found_by_the_words_beside_them() {
        for (class, text, number) in [
            (
                Class::Passport,
                "my travel passport is A12803456",
                "A12803456",
            ),
            (Class::Passport, "Passport No. 912803456.", "912803456"),
            (
                Class::Passport,
                "C01X00T47 is my passport number",
                "C01X00T47",
            ),
            (
                Class::DriverLicense,
                "driver's license: H12234567",
                "H12234567",
            ),
            (
                Class::DriverLicense,
                "Driving licence number MORGA657054SM9IJ",
                "MORGA657054SM9IJ",
            ),
            (
                Class::BankNumber,
                "account number is 945456787",
                "945456787",
            ),
            (Class::BankNumber, "sort code 12-34-56", "12-34-56"),
            (Class::BankNumber, "acct: 0123 4567 89", "0123 4567 89"),
        ] {
            let numbers = found(class, text);
            // A reading of the words as another class does no harm.
            assert_eq!(numbers, [number], "{text}");
        }
    }

    #[test]
    fn without_words_they_are_shapes() {
        for (class, text) in [
            (Class::Passport, "Z12803456"),
            (Class::Passport, "912803456"),
            (Class::DriverLicense, "H12234567"),
            (Class::BankNumber, "945456787"),
        ] {
            assert!(found(class, text).is_empty(), "{text}");
            assert_eq!(shapes(class, text), [text]);
        }
        assert!(shapes(Class::BankNumber, "1234567").is_empty());
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "the bank opened in 1987",
            "account since 2023-10-05",
            "the account of 2023-2024",
            "passport control, gate 1234",
        ] {
            for class in [Class::Passport, Class::BankNumber] {
                assert!(found(class, text).is_empty(), "{text}");
            }
        }
    }
}
