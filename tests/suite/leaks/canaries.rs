//! What is sent: in every field a text of its own, that a leak tells which field it was.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use uuid::Uuid;

/// The canaries of one run, by field. Two runs at once share none but the telephone numbers.
pub(super) struct Canaries {
    /// Eight digits of its own.
    run: String,
    fields: RefCell<Vec<String>>,
}

/// What must not be found in a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bar {
    /// Not a word of what was sent.
    Anything,
    /// Not the personal data; the words around it may be there.
    Personal,
}

impl Canaries {
    pub(super) fn new() -> Self {
        let run = Uuid::new_v4().as_u128() % 100_000_000;
        Self {
            run: format!("{run:08}"),
            fields: RefCell::default(),
        }
    }

    /// The field's text: a word, an email address, a card, a key and a telephone number.
    pub(super) fn of(&self, field: &str) -> String {
        let n = self.number(field);
        format!("said{}f{n:03}: {}", self.run, self.personal(n))
    }

    /// The same for the name of a field, whose plain words a problem may tell.
    pub(super) fn name(&self, field: &str) -> String {
        let n = self.number(field);
        format!("name{}f{n:03}: {}", self.run, self.personal(n))
    }

    /// Each kind by itself.
    pub(super) fn each(&self, field: &str) -> [String; 4] {
        let n = self.number(field);
        [self.email(n), self.card(n), self.key(n), phone(n)]
    }

    fn number(&self, field: &str) -> usize {
        let mut fields = self.fields.borrow_mut();
        let known = fields.iter().position(|known| known == field);
        let n = known.unwrap_or_else(|| {
            fields.push(field.to_owned());
            fields.len() - 1
        });
        assert!(n < 1000, "more fields than numbers");
        n
    }

    fn personal(&self, n: usize) -> String {
        let (email, card, key) = (self.email(n), self.card(n), self.key(n));
        format!("mail {email}, card {card}, key {key}, call {}", phone(n))
    }

    fn email(&self, n: usize) -> String {
        format!("canary{}f{n:03}@leak.example.org", self.run)
    }

    fn key(&self, n: usize) -> String {
        format!("sk-canary{}f{n:03}Q9xT7mW2vB5n", self.run)
    }

    /// Sixteen digits with a good last one (Luhn).
    fn card(&self, n: usize) -> String {
        let digits = format!("4{}{n:03}271", self.run);
        let sum: u32 = digits.bytes().rev().enumerate().map(weight).sum();
        format!("{digits}{}", (10 - sum % 10) % 10)
    }

    /// Where in a text there is a canary, with what stands around it: in plain, in base64 or in hexadecimal digits.
    pub(super) fn find(&self, text: &str, bar: Bar) -> Option<String> {
        let mut marks = self.marks("canary");
        marks.push(format!("4{}", self.run));
        if bar == Bar::Anything {
            marks.extend(self.marks("said"));
        }
        for n in 0..self.fields.borrow().len() {
            let digits: String = phone(n).chars().filter(char::is_ascii_digit).collect();
            marks.extend([phone(n), phone(n).replace(' ', "%20"), digits]);
        }
        let place = marks.iter().find_map(|mark| text.find(mark.as_str()))?;
        Some(around(text, place))
    }

    /// Whether words of any field are there: what a place that may have them does have.
    pub(super) fn speaks(&self, text: &str) -> bool {
        text.contains(&format!("said{}", self.run))
    }

    /// The fields whose numbers stand in what was found.
    pub(super) fn fields(&self, found: &str) -> Vec<String> {
        let fields = self.fields.borrow();
        let is_there = |n: &usize| {
            let word = format!("{}f{n:03}", self.run);
            found.contains(&word) || found.contains(&phone(*n))
        };
        let there = (0..fields.len()).filter(is_there);
        there.map(|n| fields[n].clone()).collect()
    }

    fn marks(&self, word: &str) -> Vec<String> {
        let mark = format!("{word}{}", self.run);
        let mut marks = vec![mark.bytes().map(|byte| format!("{byte:02x}")).collect()];
        for before in ["", "-", "--"] {
            let bytes = format!("{before}{mark}");
            // What the neighbours have a part in is left out.
            let first = [0, 2, 3][before.len()];
            let whole = bytes.len() / 3 * 4;
            for engine in [STANDARD, URL_SAFE] {
                marks.push(engine.encode(&bytes)[first..whole].to_owned());
            }
        }
        marks.push(mark);
        marks
    }
}

/// Nobody has one of these.
fn phone(n: usize) -> String {
    format!("+1 415 555 {:04}", 7000 + n)
}

/// What a digit adds to the sum, by its place from the right, where the last digit is missing.
fn weight((place, digit): (usize, u8)) -> u32 {
    let digit = u32::from(digit - b'0');
    match place % 2 {
        0 if digit > 4 => digit * 2 - 9,
        0 => digit * 2,
        _ => digit,
    }
}

fn around(text: &str, place: usize) -> String {
    let start = text.floor_char_boundary(place.saturating_sub(150));
    let end = text.ceil_char_boundary((place + 100).min(text.len()));
    text[start..end].to_owned()
}

#[test]
fn a_canary_is_found_in_every_dress_and_taken_out_by_redaction() {
    let canaries = Canaries::new();
    let text = canaries.of("a field");
    let redactor = memory_orchestrator::redact::Redactor::default();
    for personal in canaries.each("a field") {
        assert!(text.contains(&personal), "{text}");
        assert!(
            !redactor.find(&format!("so: {personal}")).is_empty(),
            "{personal}"
        );
        for before in ["", "a", "ab"] {
            let text = format!("{before}{personal}");
            assert!(canaries.find(&text, Bar::Personal).is_some(), "{text}");
        }
    }
    let word = text.split(':').next().unwrap();
    assert!(canaries.find(word, Bar::Personal).is_none());
    for before in ["", "a", "ab"] {
        let text = STANDARD.encode(format!("{before}{word} and so on"));
        assert!(canaries.find(&text, Bar::Anything).is_some(), "{text}");
    }
}
