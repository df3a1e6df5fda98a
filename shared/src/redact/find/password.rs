//! Passwords, by the word before them: `password: …`, `"pwd":"…"`, `my password for it is …`.

use super::Text;
use super::tokens::words;
use crate::redact::class::Class;
use crate::redact::spans::Found;

const NAMES: [&str; 6] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "passwort",
];

/// Words with another meaning too: what follows must look like no word.
const VAGUE: [&str; 2] = ["pass", "pw"];

/// What may follow the colon in a sentence about passwords.
const TALK: [&str; 28] = [
    "the", "my", "your", "our", "is", "was", "you", "they", "this", "that", "same", "none", "null",
    "true", "false", "yes", "not", "and", "for", "must", "should", "please", "required",
    "optional", "forgot", "reset", "change", "string",
];

/// How many words may stand between the name and `is`.
const WORDS_BETWEEN: usize = 4;

/// How far behind a name its value may end, in bytes.
const REACH: usize = 256;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    for word in words(text) {
        let is = |names: &[&str]| {
            names
                .iter()
                .any(|name| word.text.eq_ignore_ascii_case(name))
        };
        let vague = is(&VAGUE);
        if !vague && !is(&NAMES) {
            continue;
        }
        if let Some(Value {
            start,
            end,
            named,
            quoted,
        }) = value(text, word.end())
        {
            let value = &text[start..end];
            let talk = TALK.iter().any(|word| value.eq_ignore_ascii_case(word));
            let plain = named && !vague && value.len() >= 3 && !talk;
            if plain || (quoted && !vague) || (value.len() >= 4 && looks_random(value)) {
                found.add(Class::Password, start, end);
            }
        }
    }
}

/// What a name is given.
pub(super) struct Value {
    pub(super) start: usize,
    pub(super) end: usize,
    /// By `:` or `=`, and not by `is`.
    pub(super) named: bool,
    /// Whether it stands in quotes.
    pub(super) quoted: bool,
}

/// The value that follows a name which ends at `at`, on the same line.
pub(super) fn value(text: &str, at: usize) -> Option<Value> {
    let mut until = text.len().min(at + REACH);
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    let line = text[at..until].split(['\n', '\r']).next()?;
    // A quote closes the name in JSON.
    let rest = line.trim_start_matches(['"', '\'', '`', ' ', ')', '*', ']']);
    let (rest, named) = match rest.strip_prefix([':', '=']) {
        Some(rest) => (rest, true),
        None => is(rest)?,
    };
    let rest = rest.trim_start_matches([' ', '\t', '=', ':', '>', '*']);
    let quote = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`' | '“'));
    let opened = &rest[quote.map_or(0, char::len_utf8)..];
    let length = match quote {
        Some('“') => opened.find('”')?,
        Some(quote) => opened.find(quote)?,
        None => {
            let query = in_query(&text[..at]);
            let ends =
                |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<') || (query && c == '&');
            let bare = &opened[..opened.find(ends).unwrap_or(opened.len())];
            let bare = bare.trim_end_matches(['.', ',', ';', ':', '!', '?']);
            // A bracket that the value opened is its own.
            let around = !bare.contains(['(', '[', '{']);
            bare.trim_end_matches(|c| around && ")]}".contains(c)).len()
        }
    };
    let value = &opened[..length];
    // What was redacted, left out or belongs to a template.
    let blank = value.starts_with(['[', '<', '{', '$', '*', '…']) || value.is_empty();
    let start = at + line.len() - opened.len();
    (!blank).then_some(Value {
        start,
        end: start + length,
        named,
        quoted: quote.is_some(),
    })
}

/// Whether a name is a parameter of a URL's query.
fn in_query(before: &str) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = before.bytes().rev().take(32).take_while(name).count();
    before[..before.len() - length].ends_with(['?', '&'])
}

/// `is`, with a few words before it: what follows, and whether a colon stands between.
fn is(rest: &str) -> Option<(&str, bool)> {
    let mut at = 0;
    for word in rest.split(' ').take(WORDS_BETWEEN + 1) {
        at += word.len() + 1;
        if let Some(sign) = ["is", "was"]
            .iter()
            .find_map(|verb| word.strip_prefix(verb))
        {
            match sign {
                "" => return Some((rest.get(at..)?, false)),
                ":" => return Some((rest.get(at..)?, true)),
                _ => {}
            }
        }
        // Another sentence.
        if word.ends_with(['.', ',', ';', '!', '?', ':']) {
            return None;
        }
    }
    None
}

/// Whether it looks like no word: digits with letters, or signs within.
pub(super) fn looks_random(value: &str) -> bool {
    let digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let letter = value.chars().any(char::is_alphabetic);
    let sign = value.contains([
        '!', '@', '#', '$', '%', '^', '&', '*', '_', '+', '=', '~', '?',
    ]);
    (digit && letter) || (sign && (letter || digit)) || (digit && value.len() >= 6)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn passwords_are_found_by_their_names() {
        for (text, password) in [
            ("password: hunter2", "hunter2"),
            ("Password=swordfish, ok", "swordfish"),
            ("{\"password\":\"s3cret phrase\"}", "s3cret phrase"),
            ("my password is Tr0ub4dor&3.", "Tr0ub4dor&3"),
            ("my password for the bank is hunter2", "hunter2"),
            ("the passcode is: swordfish", "swordfish"),
            ("pwd => 'abc'", "abc"),
            ("the password is “open sesame”", "open sesame"),
            ("/login?user=x&password=abc&y=1", "abc"),
            ("pass: hunter2", "hunter2"),
            ("**Password:** hunter2", "hunter2"),
        ] {
            assert_eq!(found(Class::Password, text), [password], "{text}");
        }
    }

    #[test]
    fn talk_of_passwords_is_not() {
        for text in [
            "my password is wrong",
            "Password: required",
            "I forgot my password. It is hopeless2",
            "passwords: none2see",
            "password: [PASSWORD_1]",
            "password: ${PASSWORD}",
            "password: ***",
            "pass: thanks",
            "password:",
            "password\nhunter2",
        ] {
            assert!(found(Class::Password, text).is_empty(), "{text}");
        }
    }
}
