//! Ages as a person reads them.

/// `12 s`, `5 min`, `3 h`, `9 d`: the largest unit of which there are two, rounded down.
pub(crate) fn age(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    let unit = units.iter().find(|(size, _)| seconds >= 2.0 * size);
    let (size, name) = unit.unwrap_or(&(1.0, "s"));
    format!("{:.0} {name}", (seconds / size).floor())
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_has_one_unit() {
        let ages = [-1.0, 0.4, 119.9, 120.0, 7199.0, 7200.0, 172_799.0, 1e6];
        assert_eq!(
            ages.map(age),
            [
                "0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "11 d"
            ]
        );
    }
}
