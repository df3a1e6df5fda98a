//! Durations as QStash writes them: `50s`, `1d10h30m`, and in answers also `6m5s` or `250ms`.

use std::time::Duration;

/// Reads a chain of `<number><unit>` with the units d, h, m, s, ms, us (or µs) and ns.
///
/// Returns `None` for anything else, a bare number and an empty text included.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        seconds += number.parse::<f64>().ok()? * seconds_of(unit)?;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// As [`parse`], but a bare number means seconds.
pub(super) fn parse_or_seconds(text: &str) -> Option<Duration> {
    match text.trim().parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => parse(text),
    }
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_of_units_add_up() {
        for (text, millis) in [
            ("10s", 10_000),
            ("1d10h30m", 124_200_000),
            ("6m5s", 365_000),
            ("250ms", 250),
            ("1.5s", 1_500),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(parse("3µs"), Some(Duration::from_micros(3)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "10", "s", "10x", "-5s", "1 h", "1..2s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_bare_number_can_mean_seconds() {
        assert_eq!(parse_or_seconds(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parse_or_seconds("7m"), Some(Duration::from_secs(420)));
        assert_eq!(parse_or_seconds("-7"), None);
    }
}
