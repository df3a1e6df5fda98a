//! Ids of turns, `D8:6`: the sixth turn of the eighth session. What stands in a question's evidence is
//! not always one of them: there are `D8:6; D9:17`, `D9:1 D4:4`, `D30:05`, `D:11:26` and `D`.

/// The ids that a text holds, in order and without leading zeros.
pub(super) fn ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    // A piece begins behind a `D`: a number without its partner does not shift those behind it.
    for piece in text.split(['D', 'd']) {
        let numbers: Vec<u32> = piece
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|digits| digits.parse().ok())
            .collect();
        let pairs = numbers.chunks_exact(2);
        ids.extend(pairs.map(|pair| format!("D{}:{}", pair[0], pair[1])));
    }
    ids
}

/// A turn's own id, as [`ids`] would write it; one of another form stays as it is.
pub(super) fn id(text: &str) -> String {
    match &mut ids(text)[..] {
        [one] => std::mem::take(one),
        _ => text.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{id, ids};

    #[test]
    fn the_ids_are_found_however_they_are_written() {
        for (text, expected) in [
            ("D8:6", vec!["D8:6"]),
            ("D8:6; D9:17", vec!["D8:6", "D9:17"]),
            ("D9:1 D4:4 D4:6", vec!["D9:1", "D4:4", "D4:6"]),
            ("D8:6,9:17", vec!["D8:6", "D9:17"]),
            ("D30:05", vec!["D30:5"]),
            ("D:11:26", vec!["D11:26"]),
            ("D8 D9:17", vec!["D9:17"]),
            ("D", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(ids(text), expected, "{text}");
        }
        assert_eq!([id("D1:03"), id(" turn-7 ")], ["D1:3", "turn-7"]);
    }
}
