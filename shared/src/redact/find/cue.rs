//! Words beside a number that say what it is: `PIN: 1234`, `my passport number is …`, `… is my PIN`.

/// How far a cue may stand from its number, in bytes.
const DISTANCE: usize = 48;

/// Words that may stand between a cue and its number.
const BETWEEN: [&str; 28] = [
    "is", "was", "are", "number", "no", "nr", "num", "code", "id", "my", "the", "it", "its",
    "it's", "s", "of", "on", "in", "for", "here", "this", "that", "new", "to", "us", "usa",
    "current", "old",
];

/// Whether one of the cues stands before `at`, on the same line, with nothing but small words and signs
/// between. Cues are lower-case; those of several words have one space between them.
pub(super) fn before(text: &str, at: usize, cues: &[&str]) -> bool {
    let mut from = at.saturating_sub(DISTANCE);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let line = text.get(from..at).unwrap_or_default().rsplit('\n').next();
    let line = line.unwrap_or_default().to_lowercase().replace('’', "'");
    let mut rest = cut(&line);
    loop {
        if cues.iter().any(|cue| without(rest, cue).is_some()) {
            return true;
        }
        match BETWEEN.iter().find_map(|word| without(rest, word)) {
            Some(before) => rest = cut(before),
            None => return false,
        }
    }
}

/// Whether one of the cues follows at `at` in the manner of `… is my PIN`.
pub(super) fn after(text: &str, at: usize, cues: &[&str]) -> bool {
    let mut until = text.len().min(at + DISTANCE);
    while !text.is_char_boundary(until) {
        until -= 1;
    }
    let line = text.get(at..until).unwrap_or_default().to_lowercase();
    let Some(mut rest) = [" is ", " was "]
        .iter()
        .find_map(|verb| line.strip_prefix(verb))
    else {
        return false;
    };
    for word in ["my ", "our ", "the ", "his ", "her "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    cues.iter().any(|cue| {
        let next = rest.strip_prefix(cue).map(|rest| rest.chars().next());
        next.is_some_and(|next| !next.is_some_and(char::is_alphanumeric))
    })
}

/// Without the signs at its end, but for the end of a sentence before.
fn cut(line: &str) -> &str {
    line.trim_end_matches([
        ' ', '\t', ':', '=', '#', '-', '(', '"', '\'', '`', '.', ',', '*', '|', '>',
    ])
}

/// What stands before a word at the end, if it is a whole word.
fn without<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let before = line.strip_suffix(word)?;
    let whole = !before
        .chars()
        .next_back()
        .is_some_and(char::is_alphanumeric);
    whole.then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cue_before_a_number_may_have_small_words_between() {
        for line in [
            "PIN: ",
            "my pin is ",
            "(pin no. ",
            "pin #",
            "pin = \"",
            "the PIN code for this is: ",
            "pin\t",
        ] {
            assert!(
                before(&format!("{line}1234"), line.len(), &["pin"]),
                "{line}"
            );
        }
        for line in [
            "spin ",
            "pin them, there are three or ",
            "pin\n",
            "pins ",
            "",
            "my ",
        ] {
            assert!(
                !before(&format!("{line}1234"), line.len(), &["pin"]),
                "{line}"
            );
        }
        let line = "my driver’s license number is ";
        assert!(before(line, line.len(), &["driver's license"]));
    }

    #[test]
    fn a_cue_may_follow() {
        for line in ["1234 is my pin", "1234 was the PIN.", "1234 is pin"] {
            assert!(after(line, 4, &["pin"]), "{line}");
        }
        for line in ["1234 my pin", "1234 is pink", "1234 is what"] {
            assert!(!after(line, 4, &["pin"]), "{line}");
        }
    }
}
