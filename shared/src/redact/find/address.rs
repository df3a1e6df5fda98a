//! Streets with a house number: `221B Baker Street, Apt 4`, `12 rue de la Paix`, `Hauptstraße 5`, `PO Box 12`.
//! A name is told by its capital.

use super::Text;
use super::tokens::Token;
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// Words that end a street's name, lower-case, without the dot of what is short.
const ENDS: [&str; 46] = [
    "street",
    "st",
    "avenue",
    "ave",
    "road",
    "rd",
    "boulevard",
    "blvd",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "place",
    "pl",
    "square",
    "sq",
    "terrace",
    "ter",
    "highway",
    "hwy",
    "parkway",
    "pkwy",
    "way",
    "circle",
    "cir",
    "trail",
    "trl",
    "crescent",
    "close",
    "grove",
    "gardens",
    "mews",
    "alley",
    "loop",
    "quay",
    "turnpike",
    "plaza",
    "row",
    "path",
    "walk",
    "green",
    "hill",
    "broadway",
    "esplanade",
];

/// Words that begin one where the number stands first and the kind of street second.
const BEGINS: [&str; 14] = [
    "rue",
    "avenue",
    "av",
    "boulevard",
    "place",
    "chemin",
    "allée",
    "impasse",
    "quai",
    "calle",
    "via",
    "rua",
    "avenida",
    "piazza",
];

/// How a German one ends, in one word with its name; the number follows.
const GERMAN: [&str; 5] = ["straße", "strasse", "str.", "gasse", "allee"];

/// Words between the number and the end at most.
const NAME: usize = 4;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let words: Vec<Token<'_>> = pieces(text.text).collect();
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let number = is_number(rest[0].text);
        let words = if number {
            anglo_saxon(rest).or_else(|| romance(rest))
        } else {
            german(rest).or_else(|| post_box(rest))
        };
        if let Some(last) = words.and_then(|count| rest.get(count - 1)) {
            let end = last.start + bare(last.text).len();
            found.add(Class::Address, rest[0].start, unit(text.text, end));
        }
        at += words.unwrap_or(1);
    }
}

/// What white space divides, without the signs before it.
fn pieces(text: &str) -> impl Iterator<Item = Token<'_>> {
    text.split_ascii_whitespace().filter_map(move |word| {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        let text = word.trim_start_matches(['(', '"', '\'', '“', '[', '*', '<', ',', ':', '-']);
        let start = offset + word.len() - text.len();
        (!text.is_empty()).then_some(Token { start, text })
    })
}

/// `221B Baker Street`, `1600 Pennsylvania Ave. NW`: how many words.
fn anglo_saxon(words: &[Token<'_>]) -> Option<usize> {
    let named = words.iter().skip(1).take(NAME);
    let mut named = named.take_while(|word| is_name(word.text)).enumerate();
    let last = named.find_map(|(place, word)| {
        let ends = ENDS
            .iter()
            .any(|end| end.eq_ignore_ascii_case(bare(word.text)));
        (place > 0 && ends).then_some(place + 1)
    })?;
    let direction = words
        .get(last + 1)
        .filter(|_| words[last].text.ends_with(char::is_alphabetic));
    let directed = direction.is_some_and(|word| {
        matches!(
            bare(word.text),
            "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW"
        )
    });
    Some(last + 1 + usize::from(directed))
}

/// `12 rue de la Paix`, `5, Avenue Foch`.
fn romance(words: &[Token<'_>]) -> Option<usize> {
    let kind = words.get(1)?.text.to_lowercase();
    if !BEGINS.contains(&kind.as_str()) {
        return None;
    }
    let small = |word: &str| {
        matches!(
            word,
            "de" | "la" | "du" | "des" | "del" | "da" | "le" | "di" | "do"
        )
    };
    let between = words[2..]
        .iter()
        .take(3)
        .take_while(|word| small(word.text))
        .count();
    let name = words.get(2 + between).filter(|word| {
        let name = word.text.trim_start_matches("l'").trim_start_matches("d'");
        name.chars().next().is_some_and(char::is_uppercase)
    });
    name.map(|_| 3 + between)
}

/// `Hauptstraße 5`.
fn german(words: &[Token<'_>]) -> Option<usize> {
    let name = words[0].text.to_lowercase();
    let is_street = GERMAN
        .iter()
        .any(|end| name.ends_with(end) && name.len() > end.len() + 2);
    let capital = words[0].text.chars().next().is_some_and(char::is_uppercase);
    (is_street && capital && is_number(bare(words.get(1)?.text))).then_some(2)
}

/// `PO Box 12`, `P.O. Box 12`.
fn post_box(words: &[Token<'_>]) -> Option<usize> {
    let [post, name, number, ..] = words else {
        return None;
    };
    let post = post.text.eq_ignore_ascii_case("po") || post.text.eq_ignore_ascii_case("p.o.");
    let digits = bare(number.text).bytes().all(|byte| byte.is_ascii_digit());
    (post && name.text.eq_ignore_ascii_case("box") && digits).then_some(3)
}

/// A house: up to five digits, and a letter.
fn is_number(word: &str) -> bool {
    let word = word.trim_end_matches(',');
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let letter = matches!(&word.as_bytes()[digits..], [] | [b'a'..=b'z' | b'A'..=b'Z']);
    (1..=5).contains(&digits) && letter && !word.starts_with('0')
}

/// With a capital, or an ordinal (`5th`); only the last may have a sign behind it, but for initials.
fn is_name(word: &str) -> bool {
    let first = word.chars().next();
    first.is_some_and(char::is_uppercase)
        || (first.is_some_and(|c| c.is_ascii_digit())
            && ["st", "nd", "rd", "th"]
                .iter()
                .any(|end| bare(word).ends_with(end)))
}

fn bare(word: &str) -> &str {
    word.trim_end_matches(|c: char| !c.is_alphanumeric())
}

/// Behind the flat, where one follows: `, Apt 4B`, ` #12`.
fn unit(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    let named = rest.trim_start_matches(['.', ',', ' ']);
    let behind = [
        "apartment ",
        "apt. ",
        "apt ",
        "suite ",
        "ste ",
        "unit ",
        "flat ",
        "#",
    ]
    .iter()
    .find_map(|kind| {
        let head = named.get(..kind.len())?;
        head.eq_ignore_ascii_case(kind)
            .then(|| &named[kind.len()..])
    });
    let number = |rest: &str| {
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        (1..=5)
            .contains(&length)
            .then(|| text.len() - rest.len() + length)
    };
    let close = rest.len() - named.len() <= 3 && !rest.starts_with(". ");
    behind.filter(|_| close).and_then(number).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn streets_with_a_number_are_found() {
        for (text, address) in [
            ("I live at 221B Baker Street, London", "221B Baker Street"),
            ("at 1600 Pennsylvania Ave. NW", "1600 Pennsylvania Ave"),
            (
                "to 1600 Pennsylvania Avenue NW, Washington",
                "1600 Pennsylvania Avenue NW",
            ),
            (
                "742 Evergreen Terrace, Apt 4B.",
                "742 Evergreen Terrace, Apt 4B",
            ),
            ("12 W 5th St #7!", "12 W 5th St #7"),
            ("1 Martin Luther King Blvd", "1 Martin Luther King Blvd"),
            ("au 12 rue de la Paix, Paris", "12 rue de la Paix"),
            ("in der Hauptstraße 5a.", "Hauptstraße 5a"),
            ("PO Box 1234, Springfield", "PO Box 1234"),
        ] {
            assert_eq!(found(Class::Address, text), [address], "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "walked 5 miles down the street",
            "the 2 of us on Main Street",
            "at 5 Street food",
            "3 Dr. Smiths",
            "in 2022 we drive",
            "10 ways",
            "2 Great Big Very Old Grand Streets",
            "a straße 5",
            "box 12",
        ] {
            assert!(found(Class::Address, text).is_empty(), "{text}");
        }
    }
}
