//! Parts of the year and of months: seasons, holidays, "the first week of June", "late 2023".

use super::date::{Read, date, month_at, year, year_after};
use super::period::{Grain, Period, days};
use super::token::Tokens;
use super::words::{Length, Meaning};

/// The feast that begins a year.
const NEW_YEAR: (u8, u8) = (1, 1);

pub(super) fn part(tokens: &Tokens, at: usize) -> Option<Read> {
    week(tokens, at)
        .or_else(|| third(tokens, at))
        .or_else(|| of_the_year(tokens, at))
}

/// `first week of June 2023`, `last day of May`, `second Sunday in July`.
fn week(tokens: &Tokens, at: usize) -> Option<Read> {
    let place = match tokens.meaning(at) {
        Meaning::Ordinal(place @ 1..=4) => Some(place),
        Meaning::Last => None,
        _ => return None,
    };
    let length = match tokens.meaning(at + 1) {
        Meaning::Unit(length) => length,
        // The days of a week among which it is.
        Meaning::Weekday(_) => Length::Week,
        _ => return None,
    };
    let name = tokens.skip_any(at + 2, &[Meaning::Of, Meaning::In]);
    if name == at + 2 {
        return None;
    }
    let (month, _) = month_at(tokens, name)?;
    let (year, end) = year_after(tokens, name + 1);
    let last = days(year, month)?;
    let (first, last) = match (length, place) {
        (Length::Day, Some(day)) => (day, day),
        (Length::Day, None) => (last, last),
        (Length::Week | Length::Weekend, None) => (last - 6, last),
        // The first Saturday may be the seventh day, with a Sunday behind it.
        (Length::Weekend, Some(week)) => (7 * week - 6, (7 * week + 1).min(last)),
        (Length::Week, Some(week)) => (7 * week - 6, 7 * week),
        _ => return None,
    };
    Some((Period::days(year, month, first, last), end))
}

/// `early May`, `mid-2023`, `the end of June`.
fn third(tokens: &Tokens, at: usize) -> Option<Read> {
    let meaning = tokens.meaning(at);
    if !matches!(meaning, Meaning::Early | Meaning::Mid | Meaning::Late) {
        return None;
    }
    let place = at + 1 + usize::from(tokens.is_sign(at + 1, '-'));
    let place = tokens.skip_any(place, &[Meaning::In, Meaning::Of]);
    if let Some((month, _)) = month_at(tokens, place) {
        let (named, end) = year_after(tokens, place + 1);
        // "late May 7" is a day.
        if named.is_none() && tokens.day(place + 1).is_some() {
            return date(tokens, place, true);
        }
        let (first, last) = match meaning {
            Meaning::Early => (1, 10),
            Meaning::Mid => (11, 20),
            _ => (21, days(named, month)?),
        };
        return Some((Period::days(named, month, first, last), end));
    }
    let (period, end) = year(tokens, place, true)?;
    let first = match meaning {
        Meaning::Early => 1,
        Meaning::Mid => 5,
        _ => 9,
    };
    Some((Period::months(period?.year(), first, 4), end))
}

/// A season, a holiday or a month, and which: `last summer`, `this May`, `Christmas 2022`.
fn of_the_year(tokens: &Tokens, at: usize) -> Option<Read> {
    let latest = match tokens.meaning(at) {
        Meaning::Last | Meaning::Past => Period::over,
        Meaning::This => Period::begun,
        _ => {
            let (yearless, shy, end) = season(tokens, at).or_else(|| holiday(tokens, at))?;
            return Some(dated(tokens, at, yearless, shy, end));
        }
    };
    let named = tokens.skip(at + 1, Meaning::Past);
    if let Some((period, _, end)) = season(tokens, named).or_else(|| holiday(tokens, named)) {
        return Some((period.map(latest), end));
    }
    month_at(tokens, named)?;
    // In small letters, "may" is a verb behind "this".
    let bare = tokens.meaning(at) != Meaning::This || tokens.is_capital(named);
    let (period, end) = date(tokens, named, bare)?;
    Some((period.map(latest), end))
}

/// What it is without a year, whether that needs company, and the place behind it.
type OfTheYear = (Option<Period>, bool, usize);

fn season(tokens: &Tokens, at: usize) -> Option<OfTheYear> {
    let Meaning::Season(month) = tokens.meaning(at) else {
        return None;
    };
    Some((Period::months(None, month, 3), true, at + 1))
}

fn holiday(tokens: &Tokens, at: usize) -> Option<OfTheYear> {
    let (feast, end) = match (tokens.meaning(at), tokens.meaning(at + 1)) {
        (Meaning::Holiday(month, day), _) => ((month, day), at + 1),
        // "a new year"
        (Meaning::New, Meaning::Unit(Length::Year))
            if !matches!(tokens.before(at, 1), Meaning::Count(..)) =>
        {
            (NEW_YEAR, at + 2)
        }
        _ => return None,
    };
    let (month, day) = match (tokens.meaning(end), feast) {
        (Meaning::Eve, NEW_YEAR) => (12, 31),
        // No other feast of these is on the first of a month.
        (Meaning::Eve, (month, day)) => (month, day - 1),
        _ => feast,
    };
    let end = tokens.skip_any(end, &[Meaning::Eve, Meaning::Unit(Length::Day)]);
    Some((Period::day(None, month, day), false, end))
}

/// With the year behind it, if there is one.
fn dated(tokens: &Tokens, at: usize, yearless: Option<Period>, shy: bool, end: usize) -> Read {
    let (year, after) = year_after(tokens, end);
    match (yearless, year) {
        // A winter has two years.
        (Some(period), Some(year @ 1..)) => (Some(of(period, year)), after),
        (Some(period), None) if !shy || has_company(tokens, at) => (Some(period), end),
        _ => (None, end),
    }
}

fn of(period: Period, year: u16) -> Period {
    let mut period = period.in_year(year);
    if period.grain == Grain::Long && period.to.months > 12 {
        // Either of the two that the year has a part of.
        period.from.months -= 12;
    }
    period
}

/// Whether the words before say of a season that it is meant as a time.
fn has_company(tokens: &Tokens, at: usize) -> bool {
    let the = usize::from(tokens.before(at, 1) == Meaning::The);
    matches!(
        tokens.before(at, 1 + the),
        Meaning::In
            | Meaning::Since
            | Meaning::Until
            | Meaning::Before
            | Meaning::After
            | Meaning::Early
            | Meaning::Mid
            | Meaning::Late
    ) || tokens.before(at, 1 + the) == Meaning::Of && the == 0
}
