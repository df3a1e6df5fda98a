//! Email addresses: a local part, `@`, and a domain of at least two labels. Letters of any script,
//! since addresses may have them (RFC 6531).

use super::Text;
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// The longest domain, in bytes (RFC 1035).
const LONGEST: usize = 255;

/// How far before an address the scheme of a URL may stand, in bytes.
const SCHEME: usize = 128;

pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    for (at, _) in text.match_indices('@') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let local = local_part(before);
        let domain = domain(after);
        if local > 0 && domain > 0 && !in_url(&before[..at - local]) {
            found.add(Class::Email, at - local, at + 1 + domain);
        }
    }
}

/// Whether `user:` of a URL stands before: then what follows is a password and a host.
fn in_url(before: &str) -> bool {
    let mut from = before.len().saturating_sub(SCHEME);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let word = before[from..]
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default();
    let user = word.rsplit_once("://").map(|(_, user)| user);
    user.is_some_and(|user| user.ends_with(':') && !user.contains('/'))
}

/// How many bytes before the sign belong to the address. Scans no further than the sign before.
fn local_part(before: &str) -> usize {
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(*c))
        .last()
        .map_or(before.len(), |(index, _)| index);
    // What is written before an address without a space is not part of it: `mail='a@b.c`, `to=a@b.c`.
    let local = &before[start..];
    let local = local.rsplit(['=', '/', '\'', '`', '|', '{']).next();
    let local = local
        .unwrap_or_default()
        .trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    local.len()
}

/// How many bytes after the sign are a domain: labels of letters, digits and hyphens, the last one
/// with a letter first and at least two characters.
fn domain(after: &str) -> usize {
    let end = after
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-')))
        .unwrap_or(after.len());
    let mut candidate = &after[..end];
    if candidate.len() > LONGEST {
        return 0;
    }
    // A sentence may go on after the address, or end: cut what cannot be a last label.
    loop {
        candidate = candidate.trim_end_matches(['.', '-']);
        let Some((rest, last)) = candidate.rsplit_once('.') else {
            return 0;
        };
        let starts_with_letter = last.chars().next().is_some_and(char::is_alphabetic);
        if starts_with_letter && last.chars().count() >= 2 && well_formed(rest) {
            return candidate.len();
        }
        candidate = rest;
    }
}

fn well_formed(labels: &str) -> bool {
    !labels.is_empty()
        && labels
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn addresses_are_found_in_their_surroundings() {
        for (text, address) in [
            ("mail info@example.org.", "info@example.org"),
            (
                "<first.last+tag@mail.example.co.uk>",
                "first.last+tag@mail.example.co.uk",
            ),
            ("mailto:o_k%x@example.org?subject=hi", "o_k%x@example.org"),
            ("to=a@example.org&b", "a@example.org"),
            ("'a@example.org'", "a@example.org"),
            ("user@xn--80ak6aa92e.com", "user@xn--80ak6aa92e.com"),
            ("jörg@müller.example, hallo", "jörg@müller.example"),
            ("write me@example.org...", "me@example.org"),
            ("a@b.co.1", "a@b.co"),
        ] {
            assert_eq!(found(Class::Email, text), [address], "{text}");
        }
    }

    #[test]
    fn other_uses_of_the_sign_are_not() {
        for text in [
            "hello-world here",
            "@handle said",
            "npm i @scope/package@1.2.3, image@10.20",
            "root@localhost",
            "3 @ 2.50 each",
            "a@b",
            "@.com",
            "a@.com",
            "postgres://me:s3cret@db.example.org",
        ] {
            assert!(found(Class::Email, text).is_empty(), "{text}");
        }
    }
}
