//! The detectors: what each looks for, and when there is reason to look.
//!
//! A detector is a plain function that reads a text and adds the spans that it finds, in time that grows
//! with the text's length and no faster.

mod address;
mod base58;
mod bech32;
mod birth;
mod card;
mod codes;
mod crypto;
mod cue;
mod date;
mod digits;
mod documents;
mod email;
mod iban;
mod ip;
mod keys;
mod mac;
mod password;
mod pem;
mod phone;
mod secrets;
pub(super) mod spelled;
mod ssn;
mod tld;
mod tokens;
mod url;

use std::cell::OnceCell;

use super::class::{Class, Classes};
use super::spans::Found;
use super::survey::Traits;

/// A text, and what several detectors want to know of it.
pub(super) struct Text<'a> {
    text: &'a str,
    rows: OnceCell<Vec<Vec<digits::Group>>>,
}

impl Text<'_> {
    /// Its groups of digits, in rows; without those of bank accounts.
    fn rows(&self) -> &[Vec<digits::Group>] {
        self.rows.get_or_init(|| {
            let mut rows = digits::rows(self.text);
            let accounts = iban::places(self.text);
            let outside = |group: &digits::Group| {
                let next = accounts.partition_point(|account| account.end <= group.start);
                accounts
                    .get(next)
                    .is_none_or(|account| group.start < account.start)
            };
            if !accounts.is_empty() {
                for row in &mut rows {
                    row.retain(outside);
                }
            }
            rows
        })
    }
}

/// One detector.
struct Detector {
    /// What it finds; it is spared when none of them is on.
    classes: &'static [Class],
    /// It is spared unless the text has all of one of these.
    needs: &'static [Traits],
    find: fn(&Text<'_>, &mut Found),
}

const DIGIT: &[Traits] = &[Traits::DIGIT];

const DETECTORS: [Detector; 19] = [
    Detector {
        classes: &[Class::Email],
        needs: &[Traits::AT],
        find: email::find,
    },
    Detector {
        classes: &[Class::Email],
        needs: &[
            Traits::DOT_WORD,
            Traits::AT_WORD.and(Traits::BRACKET),
            Traits::AT,
        ],
        find: spelled::find,
    },
    Detector {
        classes: &[Class::Card],
        needs: DIGIT,
        find: card::find,
    },
    Detector {
        classes: &[Class::Iban],
        needs: DIGIT,
        find: iban::find,
    },
    Detector {
        classes: &[Class::UsSsn, Class::UsItin],
        needs: DIGIT,
        find: ssn::find,
    },
    Detector {
        classes: &[Class::IpAddress],
        needs: &[Traits::DIGIT.and(Traits::DOT), Traits::COLON],
        find: ip::find,
    },
    Detector {
        classes: &[Class::MacAddress],
        needs: &[Traits::COLON, Traits::LONG, Traits::DIGIT.and(Traits::DOT)],
        find: mac::find,
    },
    Detector {
        classes: &[Class::Crypto],
        needs: &[Traits::LONG],
        find: crypto::find,
    },
    Detector {
        classes: &[Class::UrlCredentials],
        needs: &[Traits::AT.and(Traits::COLON)],
        find: url::find_credentials,
    },
    Detector {
        classes: &[Class::PrivateKey],
        needs: &[Traits::PRIVATE],
        find: pem::find,
    },
    Detector {
        classes: &[Class::Jwt, Class::ApiKey],
        needs: &[Traits::LONG],
        find: keys::find,
    },
    Detector {
        classes: &[Class::Password],
        needs: &[Traits::PASSWORD],
        find: password::find,
    },
    Detector {
        classes: &[Class::ApiKey, Class::BearerToken],
        needs: &[Traits::SECRET],
        find: secrets::find,
    },
    Detector {
        classes: &[Class::Phone],
        needs: DIGIT,
        find: phone::find,
    },
    Detector {
        classes: &[Class::BirthDate, Class::DateTime],
        needs: &[Traits::DIGIT],
        find: birth::find,
    },
    Detector {
        classes: &[Class::Passport, Class::DriverLicense, Class::BankNumber],
        needs: DIGIT,
        find: documents::find,
    },
    Detector {
        classes: &[Class::Cvv, Class::Pin],
        needs: DIGIT,
        find: codes::find,
    },
    Detector {
        classes: &[Class::Address],
        needs: DIGIT,
        find: address::find,
    },
    Detector {
        classes: &[Class::Url],
        needs: &[Traits::DOT],
        find: url::find,
    },
];

/// Runs the detectors that have reason to.
pub(super) fn run(text: &str, traits: Traits, classes: Classes, found: &mut Found) {
    let text = Text {
        text,
        rows: OnceCell::new(),
    };
    for detector in &DETECTORS {
        let on = detector
            .classes
            .iter()
            .any(|class| classes.contains(*class));
        if on && detector.needs.iter().any(|needs| traits.has(*needs)) {
            (detector.find)(&text, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::survey::survey;
    use super::*;

    fn read(class: Class, text: &str, by_shape: bool) -> Vec<&str> {
        let classes = Classes::NONE.with(class);
        let mut found = Found::new(classes, by_shape);
        run(text, survey(text), classes, &mut found);
        let spans = found.spans().into_iter();
        spans.map(|span| &text[span.start..span.end]).collect()
    }

    /// What is found of one class.
    pub(super) fn found(class: Class, text: &str) -> Vec<&str> {
        read(class, text, false)
    }

    /// The same with what has no more than the shape.
    pub(super) fn shapes(class: Class, text: &str) -> Vec<&str> {
        read(class, text, true)
    }

    #[test]
    fn every_class_has_a_detector() {
        for class in Class::all() {
            let mut detectors = DETECTORS.iter();
            assert!(
                detectors.any(|detector| detector.classes.contains(&class)),
                "{class:?}"
            );
        }
    }
}
