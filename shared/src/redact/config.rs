//! What a deployment decides about redaction.

use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use super::class::Classes;

/// Memory that one compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// What to look for, and what to let pass.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The classes that are replaced.
    pub classes: Classes,
    /// Whether a number is replaced that has the shape of one of them and no checksum, no context and
    /// nothing else to prove it: nine digits for a social security number. Off by default.
    pub by_shape: bool,
    /// Patterns of the deployment's own.
    pub custom: Vec<Pattern>,
    /// What is never replaced.
    pub allow: Allowed,
}

/// A deployment's own pattern.
#[derive(Clone)]
pub struct Pattern {
    name: String,
    regex: Regex,
}

impl Pattern {
    /// How many there may be: they are read one after the other, by an engine that is small and not quick.
    pub const MOST: usize = 32;

    /// A pattern named as a class is, `EMPLOYEE_ID`, in the syntax of
    /// [`regex-lite`](https://docs.rs/regex-lite). Time is linear in the text, whatever the pattern.
    ///
    /// # Errors
    /// What is wrong with the name or the pattern.
    pub fn new(name: &str, pattern: &str) -> Result<Self, String> {
        let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
        let known = super::Class::all().any(|class| class.name() == name || class.label() == name);
        if name.is_empty() || name.len() > 32 || !name.bytes().all(upper) || known {
            return Err(format!("{name:?} is no name for a pattern of one's own"));
        }
        let regex = RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).build();
        let regex = regex.map_err(|error| format!("{name}: {error}"))?;
        if regex.is_match("") {
            return Err(format!("{name}: the pattern fits nothing at all"));
        }
        let name = name.to_owned();
        Ok(Self { name, regex })
    }

    /// Patterns one to a line, `EMPLOYEE_ID=EMP-\d{6}`.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub fn parse(lines: &str) -> Result<Vec<Self>, String> {
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let patterns: Vec<Self> = lines
            .map(|line| match line.split_once('=') {
                Some((name, pattern)) => Self::new(name.trim(), pattern.trim()),
                None => Err("a pattern is written NAME=regex".to_owned()),
            })
            .collect::<Result<_, _>>()?;
        if patterns.len() > Self::MOST {
            return Err(format!("more than {} patterns", Self::MOST));
        }
        Ok(patterns)
    }

    /// Its name, as it stands in the audit and in placeholders.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The places where it fits; byte offsets.
    pub(super) fn places<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (usize, usize)> + 'a {
        self.regex
            .find_iter(text)
            .map(|found| (found.start(), found.end()))
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.name)
    }
}

/// Values that are no secret: a company's own support address, a hotline, an example. What is allowed may
/// be anybody's, so none of it is printed.
#[derive(Clone, Default)]
pub struct Allowed(Vec<String>);

impl Allowed {
    /// Values after commas or line ends. One that begins with `@` allows every address of that domain.
    pub fn parse(values: &str) -> Self {
        let values = values
            .split([',', '\n'])
            .map(|value| value.trim().to_lowercase());
        Self(values.filter(|value| !value.is_empty()).collect())
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a value, or how its class writes it, is among them.
    pub(super) fn has(&self, class: super::Class, value: &str) -> bool {
        let canonical = class.canonical(value).to_lowercase();
        self.0
            .iter()
            .any(|allowed| match allowed.strip_prefix('@') {
                Some(_) => canonical.ends_with(allowed.as_str()),
                None => {
                    *allowed == value.to_lowercase()
                        || class.canonical(allowed).to_lowercase() == canonical
                }
            })
    }
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Allowed({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Class;
    use super::*;

    #[test]
    fn patterns_are_read_and_bad_ones_named() {
        let patterns = Pattern::parse("EMPLOYEE_ID=EMP-\\d{6}\n\n TICKET = T=[0-9]+ ").unwrap();
        let names: Vec<_> = patterns.iter().map(Pattern::name).collect();
        assert_eq!(names, ["EMPLOYEE_ID", "TICKET"]);
        assert_eq!(patterns[1].places("a T=12").collect::<Vec<_>>(), [(2, 6)]);
        for (lines, names) in [
            ("EMPLOYEE", "NAME=regex"),
            ("employee=x", "employee"),
            ("EMAIL=x", "EMAIL"),
            ("A=(", "A: "),
            ("A=x*", "nothing"),
        ] {
            let error = Pattern::parse(lines).unwrap_err();
            assert!(error.contains(names), "{error}");
        }
    }

    #[test]
    fn what_is_allowed_is_so_in_every_spelling_and_prints_nothing() {
        let allowed = Allowed::parse("help@example.org, @Example.com\n+1 415 555 0132");
        assert!(allowed.has(Class::Email, "Help@Example.org"));
        assert!(allowed.has(Class::Email, "anybody@example.com"));
        assert!(allowed.has(Class::Phone, "+1 (415) 555-0132"));
        assert!(!allowed.has(Class::Email, "ann@example.org"));
        assert!(!allowed.has(Class::Email, "ann@notexample.com"));
        assert!(!allowed.has(Class::Phone, "+1 415 555 0133"));
        assert_eq!(format!("{allowed:?}"), "Allowed(3)");
    }
}
