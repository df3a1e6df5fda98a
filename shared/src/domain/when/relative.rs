//! Times that are counted from today: "yesterday", "last week", "two months ago", "on Monday".

use super::date::Read;
use super::period::{Grain, Period};
use super::span::Unit;
use super::token::Tokens;
use super::words::{Length, Meaning};

/// More years than this ago is no time that somebody was told of, and every day that is counted from today stays one
/// that Postgres knows.
const MOST_MONTHS: u32 = 24_000;

/// A number of units.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    /// At least so many …
    low: i32,
    /// … and at most.
    high: i32,
    length: Length,
}

impl Stretch {
    /// One such.
    fn one(length: Length) -> Self {
        Self {
            low: 1,
            high: 1,
            length,
        }
    }
}

pub(super) fn relative(tokens: &Tokens, at: usize) -> Option<Read> {
    match tokens.meaning(at) {
        Meaning::Today => Some((Some(Period::near(0, 1)), at + 1)),
        Meaning::Now
            if matches!(
                tokens.before(at, 1),
                Meaning::To | Meaning::Until | Meaning::And
            ) =>
        {
            Some((Some(Period::near(0, 1)), at + 1))
        }
        Meaning::Yesterday => Some((Some(Period::near(-1, 0)), at + 1)),
        Meaning::This => this(tokens, at + 1),
        Meaning::Last => last(tokens, at + 1),
        Meaning::Past => rolling(tokens, at + 1),
        _ => ago(tokens, at)
            .or_else(|| weekday(tokens, at))
            .or_else(|| weekend(tokens, at)),
    }
}

/// Behind "this".
fn this(tokens: &Tokens, at: usize) -> Option<Read> {
    let unit = |unit, months, days| Period::around(unit, (0, 0), (months, days), Grain::Long);
    let period = match tokens.meaning(at) {
        Meaning::Past => return rolling(tokens, at + 1).or_else(|| last(tokens, at + 1)),
        Meaning::PartOfDay => Period::near(0, 1),
        Meaning::Unit(Length::Week) => unit(Unit::Week, 0, 7),
        Meaning::Unit(Length::Month) => unit(Unit::Month, 1, 0),
        Meaning::Unit(Length::Year) => unit(Unit::Year, 12, 0),
        Meaning::Unit(Length::Weekend) => latest_weekend(),
        Meaning::Weekday(day) => latest_weekday(day),
        _ => return None,
    };
    Some((Some(period), at + 1))
}

/// Behind "last".
fn last(tokens: &Tokens, at: usize) -> Option<Read> {
    if let Some(read) = rolling(tokens, at).filter(|(_, end)| *end > at + 1) {
        return Some(read);
    }
    // "over the last week": seven days, and not from Monday to Sunday.
    let widely = tokens.before(at, 2) == Meaning::The && tokens.before(at, 3) == Meaning::In;
    if widely && let Some(read) = rolling(tokens, at) {
        return Some(read);
    }
    // "the last week of school"
    if matches!(tokens.meaning(at), Meaning::Unit(_)) && tokens.meaning(at + 1) == Meaning::Of {
        return None;
    }
    let unit =
        |unit, months: i32, days: i32| Period::around(unit, (-months, -days), (0, 0), Grain::Long);
    let period = match tokens.meaning(at) {
        Meaning::PartOfDay => Period::near(-1, 0),
        Meaning::Unit(Length::Week) => unit(Unit::Week, 0, 7),
        Meaning::Unit(Length::Month) => unit(Unit::Month, 1, 0),
        Meaning::Unit(Length::Year) => unit(Unit::Year, 12, 0),
        // The two days before this week's Monday.
        Meaning::Unit(Length::Weekend) => Period::around(Unit::Week, (0, -2), (0, 0), Grain::Day),
        Meaning::Weekday(day) => latest_weekday(day),
        Meaning::MaybeWeekday(day) if tokens.is_capital(at) => latest_weekday(day),
        _ => return None,
    };
    Some((Some(period), at + 1))
}

/// Behind "past" or "last", until today: "week", "3 days", "couple of months".
fn rolling(tokens: &Tokens, at: usize) -> Option<Read> {
    let (stretch, end) = match tokens.meaning(at) {
        Meaning::Unit(Length::Hour | Length::Day | Length::Weekend) => return None,
        Meaning::Unit(length) => (Stretch::one(length), at + 1),
        _ => stretch(tokens, at)?,
    };
    let (months, days) = stretch.longest();
    let period = Period::around(Unit::Day, (-months, -days), (0, 1), Grain::Long);
    Some((Some(period), end))
}

/// `two weeks ago`.
fn ago(tokens: &Tokens, at: usize) -> Option<Read> {
    let (stretch, end) = stretch(tokens, at)?;
    if tokens.meaning(end) != Meaning::Ago {
        return None;
    }
    // Said of weeks it may be some days more or less, of months some weeks, of years some months.
    let (grain, months, days) = match stretch.length {
        Length::Hour | Length::Day => (Grain::Day, 0, 0),
        Length::Week | Length::Weekend | Length::Fortnight => (Grain::Day, 0, 3),
        Length::Month => (Grain::Day, 0, 15),
        Length::Year => (Grain::Long, 6, 0),
        Length::Decade => (Grain::Long, 60, 0),
    };
    let (far, near) = (stretch.longest(), stretch.shortest());
    let from = (-far.0 - months, -far.1 - days);
    let to = (months - near.0, days - near.1 + 1);
    Some((Some(Period::around(Unit::Day, from, to, grain)), end + 1))
}

/// `two weeks before …`, `the day after …`: how long, whether before, and the place behind.
pub(super) fn offset(tokens: &Tokens, at: usize) -> Option<(Stretch, bool, usize)> {
    let (stretch, end) = match tokens.meaning(at) {
        Meaning::Unit(length) => (Stretch::one(length), at + 1),
        Meaning::Last => match tokens.meaning(at + 1) {
            Meaning::Unit(length) => (Stretch::one(length), at + 2),
            _ => return None,
        },
        _ => stretch(tokens, at)?,
    };
    match tokens.meaning(end) {
        Meaning::Before => Some((stretch, true, end + 1)),
        Meaning::After => Some((stretch, false, end + 1)),
        _ => None,
    }
}

/// A number and its unit: `3 days`, `a couple of months`, and the place behind them.
fn stretch(tokens: &Tokens, at: usize) -> Option<(Stretch, usize)> {
    let (low, high, end) = match tokens.meaning(at) {
        Meaning::Count(..) | Meaning::Tens(_) => count(tokens, at)?,
        _ => {
            let number = tokens.number(at, 1..=4).filter(|_| !tokens.is_part(at))?;
            (number, number, at + 1)
        }
    };
    let Meaning::Unit(length) = tokens.meaning(end) else {
        return None;
    };
    let in_months = match length {
        Length::Decade => 120,
        Length::Year => 12,
        _ => 1,
    };
    if high * in_months > MOST_MONTHS {
        return None;
    }
    let (low, high) = (i32::try_from(low).ok()?, i32::try_from(high).ok()?);
    Some((Stretch { low, high, length }, end + 1))
}

/// `two`, `twenty-five`, `a few`, `a couple of`: at least, at most, and the place behind it.
fn count(tokens: &Tokens, at: usize) -> Option<(u32, u32, usize)> {
    let of = |at: usize| match tokens.meaning(at) {
        Meaning::Count(low, high) => {
            Some((low.into(), high.into(), tokens.skip(at + 1, Meaning::Of)))
        }
        _ => None,
    };
    if let Meaning::Tens(tens) = tokens.meaning(at) {
        let ones = at + 1 + usize::from(tokens.is_sign(at + 1, '-'));
        let (low, high, end) = of(ones).unwrap_or((0, 0, at + 1));
        return Some((low + u32::from(tens), high + u32::from(tens), end));
    }
    // The last of them counts: "a few", "last couple".
    of(at + 1).or_else(|| of(at))
}

impl Stretch {
    fn times(self, count: i32) -> (i32, i32) {
        match self.length {
            Length::Hour => (0, 0),
            Length::Day => (0, count),
            Length::Week | Length::Weekend => (0, 7 * count),
            Length::Fortnight => (0, 14 * count),
            Length::Month => (count, 0),
            Length::Year => (12 * count, 0),
            Length::Decade => (120 * count, 0),
        }
    }

    /// In months and days.
    pub(super) fn longest(self) -> (i32, i32) {
        self.times(self.high)
    }

    fn shortest(self) -> (i32, i32) {
        self.times(self.low)
    }
}

/// The last such day before today. One that is today is as near as the days around the one a week ago.
fn latest_weekday(day: u8) -> Period {
    let day = i32::from(day);
    let week = Period::around(Unit::Week, (0, day), (0, day + 1), Grain::Day);
    week.led(0, day + 1)
}

/// The one that is, or the last.
fn latest_weekend() -> Period {
    Period::around(Unit::Week, (0, 5), (0, 7), Grain::Day).led(0, 5)
}

/// `Monday`, `on Mon`.
fn weekday(tokens: &Tokens, at: usize) -> Option<Read> {
    let before = tokens.before(at, 1);
    let told = matches!(
        before,
        Meaning::On
            | Meaning::Since
            | Meaning::Until
            | Meaning::Before
            | Meaning::After
            | Meaning::From
    );
    let day = match tokens.meaning(at) {
        Meaning::Weekday(day) => day,
        Meaning::MaybeWeekday(day) if told && tokens.is_capital(at) => day,
        _ => return None,
    };
    (before != Meaning::Special).then(|| (Some(latest_weekday(day)), at + 1))
}

/// `the weekend`.
fn weekend(tokens: &Tokens, at: usize) -> Option<Read> {
    let is_weekend = tokens.meaning(at) == Meaning::Unit(Length::Weekend)
        && tokens
            .get(at)
            .is_some_and(|token| !token.text.ends_with(['s', 'S']));
    let told = matches!(
        tokens.before(at, 1),
        Meaning::The | Meaning::On | Meaning::In
    );
    (is_weekend && told).then(|| (Some(latest_weekend()), at + 1))
}
