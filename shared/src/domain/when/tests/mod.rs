mod nothing;
mod properties;
mod understood;

use time::{Date, Duration, Month};

use super::{Base, Mark, Span, Unit, asked};

/// Tests see all as on this day, a Wednesday.
const TODAY: (i32, Month, u8) = (2023, Month::November, 15);

/// What a query names, a span after the other: `2023-05-06..2023-05-15`, this year's of "yearly" ones. This is
/// `memories.asked_ranges` in small: without time zones, and with the one today.
fn resolved(query: &str) -> String {
    let spans: Vec<_> = asked(query).spans.iter().map(days).collect();
    spans.join(", ")
}

fn days(span: &Span) -> String {
    let day = |mark: Option<Mark>| mark.map_or(String::new(), |mark| midnight(mark).to_string());
    let yearly = if span.each_year { "yearly " } else { "" };
    format!("{yearly}{}..{}", day(span.from), day(span.to))
}

fn midnight(mark: Mark) -> Date {
    let today = Date::from_calendar_date(TODAY.0, TODAY.1, TODAY.2).unwrap();
    let seen_from = later(today, -mark.lead_months) - Duration::days(mark.lead_days.into());
    let new_year = |year| Date::from_ordinal_date(year, 1).unwrap();
    let base = match mark.base {
        Base::Year(year) => new_year(year.into()),
        Base::This(Unit::Day) => seen_from,
        Base::This(Unit::Week) => {
            let days = seen_from.weekday().number_days_from_monday();
            seen_from - Duration::days(days.into())
        }
        Base::This(Unit::Month) => seen_from.replace_day(1).unwrap(),
        Base::This(Unit::Year) => new_year(seen_from.year()),
    };
    later(base, mark.months) + Duration::days(mark.days.into())
}

/// So many months later, on the last day of a month that is too short.
fn later(day: Date, months: i32) -> Date {
    let months = day.year() * 12 + i32::from(u8::from(day.month())) - 1 + months;
    let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).unwrap()).unwrap();
    let year = months.div_euclid(12);
    Date::from_calendar_date(year, month, day.day().min(month.length(year))).unwrap()
}
