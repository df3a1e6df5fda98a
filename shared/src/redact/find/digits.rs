//! Groups of ASCII digits and what stands between them: what numbers of cards and phones are made of.

/// A group of digits with nothing between them; byte offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Group {
    /// How many digits.
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Which bytes may stand between two groups of one number.
const BETWEEN: &[u8] = b" -./()";

/// How many of them at most, as in `1 (415) 555`.
const MOST_BETWEEN: usize = 3;

/// The groups of a text, in rows: within a row only a few separators stand between one and the next.
pub(super) fn rows(text: &str) -> Vec<Vec<Group>> {
    let mut rows: Vec<Vec<Group>> = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(skipped) = bytes[at..].iter().position(u8::is_ascii_digit) {
        let start = at + skipped;
        let end = bytes[start..]
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .map_or(bytes.len(), |length| start + length);
        let group = Group { start, end };
        match rows.last_mut() {
            Some(row) if row.last().is_some_and(|last| joins(&text[last.end..start])) => {
                row.push(group);
            }
            _ => rows.push(vec![group]),
        }
        at = end;
    }
    rows
}

fn joins(between: &str) -> bool {
    between.len() <= MOST_BETWEEN && between.bytes().all(|byte| BETWEEN.contains(&byte))
}

/// The digits of some groups, without what is between them.
pub(super) fn of(text: &str, groups: &[Group]) -> String {
    groups
        .iter()
        .map(|group| &text[group.start..group.end])
        .collect()
}

/// Whether what stands before `start` belongs to the same word or number, so that an id, a decimal
/// or a time is not cut in two.
pub(super) fn continues_before(text: &str, start: usize) -> bool {
    let mut before = text[..start].chars().rev();
    match (before.next(), before.next()) {
        // The end of a path, or of a date.
        (Some('/'), Some(next)) => next.is_ascii_digit(),
        (near, next) => continues(near, next),
    }
}

/// The same for what stands at `end`.
pub(super) fn continues_after(text: &str, end: usize) -> bool {
    let mut after = text[end..].chars();
    continues(after.next(), after.next())
}

fn continues(near: Option<char>, next: Option<char>) -> bool {
    match near {
        Some('-' | '_') => next.is_some_and(|c| c.is_ascii_alphanumeric()),
        Some('.' | ',' | ':') => next.is_some_and(|c| c.is_ascii_digit()),
        Some(c) => c.is_ascii_alphanumeric(),
        None => false,
    }
}
