//! What queries say of time.

use crate::domain::when::{Base, Mark, asked};

/// A query.
pub fn times(data: &[u8]) {
    let query = String::from_utf8_lossy(data);
    let spans = asked(&query).spans;
    assert!(spans.len() <= 16);
    for span in spans {
        assert!(span.from.is_some() || span.to.is_some(), "all of time");
        span.from.iter().chain(&span.to).for_each(check);
    }
}

/// Postgres must be able to say which day it is: its first is in the year 4713 before ours.
fn check(mark: &Mark) {
    if let Base::Year(year) = mark.base {
        assert!((1..=10_000).contains(&year), "{mark:?}");
    }
    let years = |months: i32, days: i32| months.abs() / 12 + days.abs() / 365;
    assert!(years(mark.lead_months, mark.lead_days) <= 2_200, "{mark:?}");
    assert!(years(mark.months, mark.days) <= 4_500, "{mark:?}");
}
