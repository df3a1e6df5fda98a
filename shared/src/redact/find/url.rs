//! URLs and domains; and what stands before the `@` of a URL.

use super::{Text, tld};
use crate::redact::class::Class;
use crate::redact::spans::Found;

/// The longest of two that end alike comes first.
const SCHEMES: [&str; 6] = ["https", "http", "sftp", "ftp", "wss", "ws"];

/// The user and password of each URL that has them: `postgres://user:password@host`.
pub(super) fn find_credentials(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    for (place, sign) in text.match_indices("://") {
        let start = place + sign.len();
        let named = text[..place].ends_with(|c: char| c.is_ascii_alphanumeric());
        let end = |c: char| {
            c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '`')
        };
        let authority = text[start..].split(end).next().unwrap_or_default();
        // A name alone is none, unless it is long enough for a token.
        let secret = |user: &&str| user.contains(':') && !user.ends_with(':') || user.len() >= 16;
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        let user = user
            .filter(secret)
            .filter(|user| named && !user.starts_with('['));
        if let Some(user) = user {
            found.add(Class::UrlCredentials, start, start + user.len());
        }
    }
}

/// URLs with a scheme (in quotes, the quotes with them, as Presidio has it), and domains without.
pub(super) fn find(text: &Text<'_>, found: &mut Found) {
    let text = text.text;
    let mut from = 0;
    for word in text.split_whitespace() {
        let Some(place) = text[from..].find(word).map(|place| from + place) else {
            return;
        };
        from = place + word.len();
        let scheme = word.find("://").and_then(|sign| {
            let known = SCHEMES.iter().find_map(|scheme| {
                let at = sign.checked_sub(scheme.len())?;
                word.get(at..sign)?
                    .eq_ignore_ascii_case(scheme)
                    .then_some(at)
            });
            Some((known?, sign + 3))
        });
        match scheme {
            Some((at, host)) => with_scheme(word, place, at, host, found),
            None => without_scheme(word, place, found),
        }
    }
}

fn with_scheme(word: &str, place: usize, at: usize, host: usize, found: &mut Found) {
    let ends = |c: char| matches!(c, '"' | '\'' | '<' | '>' | '`' | '”' | '’' | '|');
    let bare = &word[host..];
    let bare = &bare[..bare.find(ends).unwrap_or(bare.len())];
    let bare = bare.trim_end_matches(['.', ',', ';', ':', '!', '?', '*']);
    // A bracket that was not opened in the URL closes what it stands in.
    let bare = if bare.contains(['(', '[']) {
        bare
    } else {
        bare.trim_end_matches([')', ']'])
    };
    let name = bare.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let name = name.rsplit('@').next().unwrap_or_default();
    if domain(name, |_| true).is_none()
        && !name.starts_with('[')
        && !name.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    {
        return;
    }
    let end = host + bare.len();
    let quote = word[..at]
        .chars()
        .next_back()
        .filter(|c| matches!(c, '"' | '\''));
    let quoted = quote.filter(|quote| word[end..].starts_with(*quote));
    let around = quoted.map_or(0, char::len_utf8);
    if !name.is_empty() {
        found.add(Class::Url, place + at - around, place + end + around);
    }
}

/// Domains whose top level is known, with the path that follows.
fn without_scheme(word: &str, place: usize, found: &mut Found) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    let start = word.find(is_part).unwrap_or(word.len());
    let rest = &word[start..];
    let name = &rest[..rest.find(|c: char| !is_part(c)).unwrap_or(rest.len())];
    let name = name.trim_end_matches(['.', '-']);
    let Some(length) = domain(name, tld::is_known) else {
        return;
    };
    let path = &rest[length..];
    let length = if path.starts_with(['/', '?']) || path.starts_with(':') {
        rest.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '"', '\'', ']', '>', '*'])
            .len()
            .max(length)
    } else {
        length
    };
    found.add(Class::Url, place + start, place + start + length);
}

/// The length of a name if it is a domain: labels of letters, digits and hyphens, the last one of letters.
/// `www` does not count, so that `www.microsoft` is none.
fn domain(name: &str, is_top: impl Fn(&str) -> bool) -> Option<usize> {
    let labels: Vec<&str> = name.split('.').collect();
    let well_formed = |label: &&str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let top = labels.last()?;
    let lettered = top.starts_with("xn--") || top.chars().all(char::is_alphabetic);
    let www = usize::from(labels[0].eq_ignore_ascii_case("www"));
    let fits = labels.len() >= 2 + www && top.chars().count() >= 2 && lettered && is_top(top);
    (fits && labels.iter().all(well_formed)).then_some(name.len())
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    #[test]
    fn credentials_are_found_and_the_rest_of_the_url_left() {
        for (text, credentials) in [
            ("postgres://me:s3cret@db.example.org:5432/x", "me:s3cret"),
            (
                "see https://ghtokenghtoken123@github.com/a",
                "ghtokenghtoken123",
            ),
            ("redis://:p@ss@host", ":p@ss"),
        ] {
            assert_eq!(found(Class::UrlCredentials, text), [credentials], "{text}");
        }
        for text in [
            "https://example.org/@me:x",
            "ssh://git@github.com",
            "://a:b@c",
            "a: b@c",
        ] {
            assert!(found(Class::UrlCredentials, text).is_empty(), "{text}");
        }
    }

    #[test]
    fn urls_and_domains_are_found() {
        for (text, urls) in [
            ("https://www.example.com/", vec!["https://www.example.com/"]),
            (
                "(see http://example.site/a?b=c#d).",
                vec!["http://example.site/a?b=c#d"],
            ),
            ("\"https://example.org/\"", vec!["\"https://example.org/\""]),
            (
                "at example.com or example.co.il, or",
                vec!["example.com", "example.co.il"],
            ),
            ("www.example.org/path.", vec!["www.example.org/path"]),
            ("http://192.168.1.1/x", vec!["http://192.168.1.1/x"]),
        ] {
            assert_eq!(found(Class::Url, text), urls, "{text}");
        }
        for text in [
            "www.microsoft",
            "'www.microsoft'",
            "https://localhost",
            "file:///a/b",
            "done.Then",
            "1.5",
            "e.g.",
        ] {
            assert!(found(Class::Url, text).is_empty(), "{text}");
        }
    }
}
