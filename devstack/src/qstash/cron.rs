//! Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week.
//!
//! Lists, ranges, steps and English names are understood; Sunday is 0 or 7. When both day fields are
//! restricted, either may match (the rule of Vixie cron). QStash also takes `CRON_TZ=<zone>`; here only UTC.

use time::{Duration, OffsetDateTime, Time};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// How far ahead a match is sought: a leap day can be eight years away, across a century.
const HORIZON_DAYS: i64 = 366 * 8;

/// A parsed cron expression; each field is a set of bits.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both day fields are restricted, so that one of them is enough.
    either_day: bool,
}

impl Cron {
    /// Reads an expression; the error says which part is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut fields: Vec<&str> = text.split_whitespace().collect();
        if let Some(zone) = fields.first().and_then(|f| f.strip_prefix("CRON_TZ=")) {
            if !matches!(zone, "UTC" | "Etc/UTC") {
                return Err(format!(
                    "time zone `{zone}` is not supported here, only UTC"
                ));
            }
            fields.remove(0);
        }
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!("`{text}` does not have five fields"));
        };
        let weekdays = field(weekday, 0, 7, &DAYS)?;
        Ok(Self {
            text: text.to_owned(),
            minutes: field(minute, 0, 59, &[])?,
            hours: field(hour, 0, 23, &[])?,
            days: field(day, 1, 31, &[])?,
            months: field(month, 1, 12, &MONTHS)?,
            // Bit 7 is Sunday by its other name.
            weekdays: (weekdays | (weekdays >> 7)) & 0x7f,
            either_day: !day.starts_with('*') && !weekday.starts_with('*'),
        })
    }

    /// The expression as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The first whole minute after `moment` that matches; `None` for a date that never comes (30 February).
    pub(super) fn after(&self, moment: OffsetDateTime) -> Option<OffsetDateTime> {
        let first = moment.replace_second(0).ok()?.replace_nanosecond(0).ok()? + Duration::MINUTE;
        (0..HORIZON_DAYS)
            .map(|days| first + Duration::days(days))
            .filter(|day| self.matches_day(*day))
            .flat_map(|day| self.times().map(move |time| day.replace_time(time)))
            .find(|candidate| *candidate >= first)
    }

    fn matches_day(&self, moment: OffsetDateTime) -> bool {
        let day = has(self.days, moment.day());
        let weekday = has(self.weekdays, moment.weekday().number_days_from_sunday());
        let fits = if self.either_day {
            day || weekday
        } else {
            day && weekday
        };
        fits && has(self.months, u8::from(moment.month()))
    }

    fn times(&self) -> impl Iterator<Item = Time> {
        (0..24)
            .filter(|hour| has(self.hours, *hour))
            .flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
            .filter(|(_, minute)| has(self.minutes, *minute))
            .filter_map(|(hour, minute)| Time::from_hms(hour, minute, 0).ok())
    }
}

fn has(set: u64, bit: u8) -> bool {
    set & (1 << bit) != 0
}

/// Reads one field, for example `*/5`, `1-10/2,30` or `mon-fri`, as a set of bits.
fn field(text: &str, low: u8, high: u8, names: &[&str]) -> Result<u64, String> {
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                let step: u8 = step.parse().map_err(|_| fault(part))?;
                (range, Some(step))
            }
            None => (part, None),
        };
        let (from, to) = if range == "*" {
            (low, high)
        } else if let Some((from, to)) = range.split_once('-') {
            (value(from, low, names)?, value(to, low, names)?)
        } else {
            let from = value(range, low, names)?;
            // `5/15` means every fifteenth from 5 on.
            (from, if step.is_some() { high } else { from })
        };
        let step = step.unwrap_or(1);
        if from < low || to > high || from > to || step == 0 {
            return Err(fault(part));
        }
        for bit in (from..=to).step_by(usize::from(step)) {
            set |= 1 << bit;
        }
    }
    Ok(set)
}

fn value(text: &str, low: u8, names: &[&str]) -> Result<u8, String> {
    let name = text.to_ascii_lowercase();
    match names.iter().position(|known| *known == name) {
        Some(position) => Ok(low + position as u8),
        None => text.parse().map_err(|_| fault(text)),
    }
}

fn fault(part: &str) -> String {
    format!("`{part}` is not a valid part of a cron expression")
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Date, Month};

    fn at(year: i32, month: u8, day: u8, hour: u8, minute: u8) -> OffsetDateTime {
        let month = Month::try_from(month).expect("month");
        Date::from_calendar_date(year, month, day)
            .and_then(|date| date.with_hms(hour, minute, 30))
            .expect("date")
            .assume_utc()
    }

    fn next(cron: &str, moment: OffsetDateTime) -> String {
        let next = Cron::parse(cron).expect(cron).after(moment);
        next.map_or("never".to_owned(), |next| {
            format!("{} {:02}:{:02}", next.date(), next.hour(), next.minute())
        })
    }

    #[test]
    fn the_next_minute_is_strictly_later() {
        let noon = at(2026, 3, 4, 12, 0);
        assert_eq!(next("* * * * *", noon), "2026-03-04 12:01");
        assert_eq!(next("0 12 * * *", noon), "2026-03-05 12:00");
        assert_eq!(next("*/15 * * * *", noon), "2026-03-04 12:15");
        assert_eq!(next("10-40/10,50 11 * * *", noon), "2026-03-05 11:10");
    }

    #[test]
    fn days_follow_names_and_the_either_rule() {
        let wednesday = at(2026, 3, 4, 12, 0);
        assert_eq!(next("0 0 * * mon-fri", wednesday), "2026-03-05 00:00");
        assert_eq!(next("0 0 * * 7", wednesday), "2026-03-08 00:00");
        assert_eq!(next("0 0 13 * fri", wednesday), "2026-03-06 00:00");
        assert_eq!(next("0 0 1 JAN *", wednesday), "2027-01-01 00:00");
    }

    #[test]
    fn rare_dates_are_found_and_impossible_ones_are_not() {
        let moment = at(2026, 3, 4, 12, 0);
        assert_eq!(next("0 0 29 2 *", moment), "2028-02-29 00:00");
        assert_eq!(next("0 0 30 2 *", moment), "never");
    }

    #[test]
    fn faults_are_refused() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "5-1 * * * *",
            "*/0 * * * *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        assert!(Cron::parse("CRON_TZ=Europe/Berlin * * * * *").is_err());
        assert!(Cron::parse("CRON_TZ=UTC * * * * *").is_ok());
    }
}
