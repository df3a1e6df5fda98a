//! Days as they go to the database, which alone knows what day it is where the caller is.

use serde::Serialize;

/// Days that a query names: from one midnight until just before another, in the caller's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The first midnight; none for "before …".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Mark>,
    /// The midnight at which it is over; none for "since …".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Mark>,
    /// No year was named: it stands for one span in each of the last ten years, this one and the next.
    #[serde(skip_serializing_if = "is_false")]
    pub each_year: bool,
}

/// A midnight: `months` and then `days` after the beginning of `base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// What it is counted from.
    pub base: Base,
    /// How far before now the moment lies whose day, week, month or year is the base: months, and then days.
    #[serde(skip_serializing_if = "is_zero")]
    pub lead_months: i32,
    /// See `lead_months`.
    #[serde(skip_serializing_if = "is_zero")]
    pub lead_days: i32,
    /// Months after the base's beginning.
    #[serde(skip_serializing_if = "is_zero")]
    pub months: i32,
    /// Days after those.
    #[serde(skip_serializing_if = "is_zero")]
    pub days: i32,
}

/// What days are counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Base {
    /// This year's first day: 1 to 9999.
    Year(u16),
    /// The first day of the unit in which now lies.
    This(Unit),
}

/// What calendars are made of. A week begins on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// From midnight to midnight.
    Day,
    /// From Monday.
    Week,
    /// From its first day.
    Month,
    /// From 1 January.
    Year,
}

impl Mark {
    /// The beginning of `base` itself.
    pub fn of(base: Base) -> Self {
        let (lead_months, lead_days, months, days) = (0, 0, 0, 0);
        Self {
            base,
            lead_months,
            lead_days,
            months,
            days,
        }
    }

    /// So much later; earlier, below zero.
    pub fn plus(mut self, months: i32, days: i32) -> Self {
        self.months = self.months.saturating_add(months);
        self.days = self.days.saturating_add(days);
        self
    }

    /// Counted from the unit in which the moment so long before now lies.
    pub fn led(mut self, months: i32, days: i32) -> Self {
        (self.lead_months, self.lead_days) = (months, days);
        self
    }
}

fn is_zero(number: &i32) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !flag
}
