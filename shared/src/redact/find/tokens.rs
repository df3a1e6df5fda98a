//! Words of ASCII letters and digits, and longer runs with what joins them.

/// A part of a text; byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) start: usize,
    pub(super) text: &'a str,
}

impl Token<'_> {
    pub(super) fn end(self) -> usize {
        self.start + self.text.len()
    }
}

/// Letters and digits with nothing between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = Token<'_>> {
    pieces(text, |byte| byte.is_ascii_alphanumeric())
}

/// Letters and digits with hyphens, dots and underscores between them.
pub(super) fn runs(text: &str) -> impl Iterator<Item = Token<'_>> {
    let joins = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    pieces(text, move |byte| {
        byte.is_ascii_alphanumeric() || joins(byte)
    })
    .map(|run| {
        let text = run.text.trim_start_matches(['-', '_', '.']);
        Token {
            start: run.start + run.text.len() - text.len(),
            text: text.trim_end_matches('.'),
        }
    })
}

/// The longest pieces all of whose bytes, which are ASCII, pass.
fn pieces(text: &str, passes: impl Fn(u8) -> bool) -> impl Iterator<Item = Token<'_>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        at += bytes.get(at..)?.iter().position(|byte| passes(*byte))?;
        let start = at;
        let length = bytes[start..]
            .iter()
            .take_while(|byte| passes(**byte))
            .count();
        at += length;
        let text = text.get(start..at)?;
        Some(Token { start, text })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_runs_stand_where_they_say() {
        let text = "é a-b_c. -x1 (2)";
        let read: Vec<_> = words(text).map(|token| token.text).collect();
        assert_eq!(read, ["a", "b", "c", "x1", "2"]);
        let read: Vec<_> = runs(text).map(|token| token.text).collect();
        assert_eq!(read, ["a-b_c", "x1", "2"]);
        for token in words(text).chain(runs(text)) {
            assert_eq!(&text[token.start..token.end()], token.text);
        }
    }
}
