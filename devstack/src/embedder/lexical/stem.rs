//! Light stemming of English words.

/// Cuts plurals (Harman's "S" stemmer, 1991), then `-ing`, `-ed`, `-ly` and a mute `e`, so that
/// "bakes", "baked" and "baking" meet. Words that are not plain ASCII stay as they are. A wrong cut
/// does little harm: both sides of a comparison are cut alike, and n-grams see the whole word.
pub(super) fn stem(word: &str) -> String {
    if !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = singular(word);
    for suffix in ["ing", "ed", "ly"] {
        if let Some(rest) = stem.strip_suffix(suffix).filter(|rest| is_stem(rest)) {
            stem = undoubled(rest).to_owned();
            break;
        }
    }
    match stem.strip_suffix('e') {
        Some(rest) if is_stem(rest) => rest.to_owned(),
        _ => stem,
    }
}

fn singular(word: &str) -> String {
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| word.ends_with(suffix));
    if word.len() < 4 || !word.ends_with('s') || ends(&["ss", "us", "is"]) {
        return word.to_owned();
    }
    match word.strip_suffix("ies") {
        Some(rest) if rest.len() > 1 => format!("{rest}y"),
        _ if ends(&["sses", "shes", "ches", "xes", "zes"]) => word[..word.len() - 2].to_owned(),
        _ => word[..word.len() - 1].to_owned(),
    }
}

/// Three letters with a vowel: "ring" and "red" keep their ends.
fn is_stem(rest: &str) -> bool {
    rest.len() >= 3 && rest.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

/// "runn" to "run"; "fall" and "pass" end that way by themselves.
fn undoubled(stem: &str) -> &str {
    let mut ends = stem.bytes().rev();
    match (ends.next(), ends.next()) {
        (Some(last), Some(before)) if last == before && !b"aeiouls".contains(&last) => {
            &stem[..stem.len() - 1]
        }
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_meet() {
        for family in [
            &["bake", "bakes", "baked", "baking"][..],
            &["run", "runs", "running"],
            &["city", "cities"],
            &["fall", "falls", "falling"],
            &["box", "boxes"],
            &["quick", "quickly"],
        ] {
            let stems: Vec<String> = family.iter().map(|word| stem(word)).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{stems:?}");
        }
    }

    #[test]
    fn short_and_foreign_words_stay() {
        for word in [
            "ring", "red", "bus", "this", "glass", "été", "東京", "42", "fly",
        ] {
            assert_eq!(stem(word), word);
        }
    }
}
