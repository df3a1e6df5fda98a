//! From figures to places, and how figures are written.

use super::Axis;

/// Where a value lies between the ends of its axis: 0 at `from`, 1 at `to`.
pub(super) fn place(axis: &Axis, value: f64) -> f64 {
    let of = |value: f64| match axis.logarithmic {
        true => value.max(f64::MIN_POSITIVE).ln(),
        false => value,
    };
    (of(value) - of(axis.from)) / (of(axis.to) - of(axis.from))
}

/// 1, 2, 2.5 or 5 times a power of ten, and not less than `least`.
pub(super) fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps.into_iter().find(|step| step * power >= least * 0.999);
    step.unwrap_or(10.0) * power
}

/// `50,000`, `2.5`
pub(in crate::bench) fn written(value: f64) -> String {
    if value.fract().abs() > 1e-9 {
        return format!("{value:.2}").trim_end_matches('0').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut written = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(',');
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::super::Axis;
    use super::{place, round_step, written};

    #[test]
    fn figures_are_written_for_people() {
        for (value, expected) in [
            (0.0, "0"),
            (2.5, "2.5"),
            (750.0, "750"),
            (1000.0, "1,000"),
            (200_000.0, "200,000"),
        ] {
            assert_eq!(written(value), expected);
        }
    }

    #[test]
    fn steps_are_round_and_no_smaller_than_needed() {
        for (least, expected) in [
            (0.9, 1.0),
            (1.1, 2.0),
            (2.2, 2.5),
            (26.0, 50.0),
            (0.03, 0.05),
        ] {
            let step = round_step(least);
            assert!((step - expected).abs() < 1e-9, "{least}: {step}");
        }
    }

    #[test]
    fn a_tenfold_axis_gives_each_power_as_much_room() {
        let axis = Axis::tenfold("turns", &[10.0, 100.0, 1000.0]);
        assert!((place(&axis, 100.0) - 0.5).abs() < 1e-9);
        let axis = Axis::above("ms", " ms", 9.0);
        assert!((axis.to - 10.0).abs() < 1e-9, "{axis:?}");
        assert!((place(&axis, 5.0) - 0.5).abs() < 1e-9);
    }
}
