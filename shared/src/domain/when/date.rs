//! Dates as they are written: days, months and years.

use super::period::Period;
use super::token::{Kind, Tokens};
use super::words::Meaning;

/// What was read, and the place behind it. No period: it was a date that does not exist, or could be two.
pub(super) type Read = (Option<Period>, usize);

/// A date at this place. `bare`: something else says that a word that may be a month is one.
pub(super) fn date(tokens: &Tokens, at: usize, bare: bool) -> Option<Read> {
    numeric(tokens, at)
        .or_else(|| day_first(tokens, at))
        .or_else(|| month_first(tokens, at, bare))
}

/// `2023-05-07`, `2023-05`, `13/05/2023`, `05/2023`.
fn numeric(tokens: &Tokens, at: usize) -> Option<Read> {
    let (first, first_digits) = part(tokens, at)?;
    let Some(Kind::Sign(sign @ ('-' | '/' | '.'))) = tokens.get(at + 1).map(|token| token.kind)
    else {
        return None;
    };
    let glued = |at: usize| tokens.get(at).is_some_and(|token| token.glued);
    let signed = |at: usize| tokens.is_sign(at, sign) && glued(at) && glued(at + 1);
    if !signed(at + 1) {
        return None;
    }
    let (second, second_digits) = part(tokens, at + 2)?;
    let third = part(tokens, at + 4).filter(|_| signed(at + 3));
    match (first_digits, second_digits, third) {
        (4, 1..=2, Some((third, 1..=2))) => Some((day(first, second, third), at + 5)),
        (1..=2, 1..=2, Some((year, 4))) => {
            // Day first in most of the world, month first in America: only what can be one of them.
            let read = if first > 12 || first == second {
                day(year, second, first)
            } else if second > 12 {
                day(year, first, second)
            } else {
                None
            };
            Some((read, at + 5))
        }
        (4, 2, None) if sign == '-' => Some((month(first, second), at + 3)),
        (1..=2, 4, None) if sign == '/' => Some((month(second, first), at + 3)),
        // A telephone number, a version, a price: the first number of it begins nothing else.
        _ => None,
    }
}

/// A number that may be a part of a date, and with how many digits; with the time of day behind it, as in ISO 8601.
fn part(tokens: &Tokens, at: usize) -> Option<(u32, u8)> {
    let token = tokens.get(at)?;
    match token.kind {
        Kind::Number(value, digits) if token.text.is_empty() || token.text == "T" => {
            Some((value, digits))
        }
        _ => None,
    }
}

fn day(year: u32, month: u32, day: u32) -> Option<Period> {
    Period::day(
        Some(to_year(year)?),
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )
}

fn month(year: u32, month: u32) -> Option<Period> {
    Period::months(Some(to_year(year)?), u8::try_from(month).ok()?, 1)
}

fn to_year(year: u32) -> Option<u16> {
    u16::try_from(year)
        .ok()
        .filter(|year| (1..=9999).contains(year))
}

/// `7 May 2023`, `the 7th of May`, `twenty-first of May`.
fn day_first(tokens: &Tokens, at: usize) -> Option<Read> {
    let word = ordinal(tokens, at);
    let number = || Some((tokens.day(at).filter(|_| !tokens.is_part(at))?, at + 1));
    let (day, end) = word.or_else(number)?;
    let end = end + usize::from(tokens.is_sign(end, '.'));
    let name = tokens.skip(end, Meaning::Of);
    let (month, sure) = month_at(tokens, name)?;
    // "the second may be", "room 5 may have"
    let verb = !sure && !tokens.is_capital(name) && tokens.meaning(name + 1) == Meaning::Verb;
    if name == end && (word.is_some() || verb) {
        return None;
    }
    let (year, end) = year_after(tokens, name + 1);
    Some((Period::day(year, month, day), end))
}

/// `first`, `twenty-first`, and the place behind it.
fn ordinal(tokens: &Tokens, at: usize) -> Option<(u8, usize)> {
    match tokens.meaning(at) {
        Meaning::Ordinal(day) => Some((day, at + 1)),
        Meaning::Tens(tens) => {
            let at = at + 1 + usize::from(tokens.is_sign(at + 1, '-'));
            match tokens.meaning(at) {
                Meaning::Ordinal(day @ 1..=9) => Some((tens + day, at + 1)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `May 7th, 2023`, `May 7-9`, `May 2023`, `May`.
fn month_first(tokens: &Tokens, at: usize, bare: bool) -> Option<Read> {
    let (month, sure) = month_at(tokens, at)?;
    let dot = tokens.is_sign(at + 1, '.') && tokens.get(at).is_some_and(|name| name.text.len() < 5);
    let behind = at + 1 + usize::from(dot);
    let number = tokens.skip(behind, Meaning::The);
    if let Some((day, end)) = day_after(tokens, number, sure || tokens.is_capital(at)) {
        let (last, end) = last_day(tokens, end).unwrap_or((day, end));
        let (year, end) = year_after(tokens, end);
        return Some((Period::days(year, month, day, last), end));
    }
    let (year, end) = year_after(tokens, behind);
    if year.is_none() && !sure && !bare && !has_company(tokens, at) {
        return None;
    }
    Some((Period::months(year, month, 1), end))
}

/// The month that a word names, and whether it can be nothing else.
pub(super) fn month_at(tokens: &Tokens, at: usize) -> Option<(u8, bool)> {
    match tokens.meaning(at) {
        Meaning::Month(month) => Some((month, true)),
        Meaning::MaybeMonth(month) => Some((month, false)),
        _ => None,
    }
}

/// The day behind a month's name, and the place behind it. In "may 5 people" there is none.
fn day_after(tokens: &Tokens, at: usize, sure: bool) -> Option<(u8, usize)> {
    if let Some(read) = ordinal(tokens, at) {
        return Some(read).filter(|_| sure);
    }
    let day = tokens.day(at)?;
    let counts = matches!(tokens.meaning(at + 1), Meaning::Counted | Meaning::Unit(_));
    let clock = tokens.is_sign(at + 1, ':') || tokens.is_sign(at + 1, '%');
    (!clock && (!counts || tokens.is_ordinal(at))).then_some((day, at + 1))
}

/// The `-9` of `May 7-9`, and the place behind it.
fn last_day(tokens: &Tokens, at: usize) -> Option<(u8, usize)> {
    let dash = ['-', '–'].iter().any(|dash| tokens.is_sign(at, *dash));
    if !dash && tokens.meaning(at) != Meaning::To {
        return None;
    }
    let month_follows = month_at(tokens, tokens.skip(at + 2, Meaning::Of)).is_some();
    tokens
        .day(at + 1)
        .filter(|_| !month_follows)
        .map(|day| (day, at + 2))
}

/// The year behind a day or month, `, 2023` or `of 2023`, and the place behind it; else the same place. A year 0 is one,
/// of which there are no days.
pub(super) fn year_after(tokens: &Tokens, at: usize) -> (Option<u16>, usize) {
    let comma = at + usize::from(tokens.is_sign(at, ','));
    let place = tokens.skip_any(comma, &[Meaning::Of, Meaning::In]);
    let year = tokens
        .number(place, 4..=4)
        .filter(|_| !tokens.is_sign(place + 1, ':'));
    match year.and_then(|year| u16::try_from(year).ok()) {
        Some(year) => (Some(year), place + 1),
        None => (None, at),
    }
}

/// Whether the words around say of a word that may be a month that it is one.
fn has_company(tokens: &Tokens, at: usize) -> bool {
    let capital = tokens.is_capital(at);
    let verb = matches!(
        tokens.meaning(at + 1),
        Meaning::Verb | Meaning::On | Meaning::To | Meaning::Of
    );
    match tokens.before(at, 1) {
        Meaning::In | Meaning::Of | Meaning::Since | Meaning::Until => true,
        Meaning::Before | Meaning::After | Meaning::Early | Meaning::Mid | Meaning::Late => true,
        // "the March on Washington", "the may tree", "this may be"
        Meaning::The | Meaning::This => {
            capital
                && !verb
                && matches!(
                    tokens.get(at + 1).map(|token| token.kind),
                    Some(Kind::Word(_) | Kind::Sign('?' | '.' | ',')) | None
                )
        }
        _ => tokens.is_sign(at.wrapping_sub(1), '-') && tokens.before(at, 2) == Meaning::Mid,
    }
}

/// `2023`, where words say that it is a year, and `1990s`. Of 1900 to 2099: other numbers of four digits are seldom years.
pub(super) fn year(tokens: &Tokens, at: usize, bare: bool) -> Option<Read> {
    let token = tokens.get(at)?;
    let Kind::Number(value @ 1900..=2099, 4) = token.kind else {
        return None;
    };
    let year = to_year(value)?;
    if tokens.is_part(at) {
        return None;
    }
    if token.text.eq_ignore_ascii_case("s") && value % 10 == 0 {
        return Some((Period::months(Some(year), 1, 120), at + 1));
    }
    let told = match tokens.before(at, 1) {
        Meaning::In
        | Meaning::Of
        | Meaning::Since
        | Meaning::Until
        | Meaning::Before
        | Meaning::After => true,
        Meaning::Early | Meaning::Mid | Meaning::Late => true,
        // "the year 2023"
        Meaning::Unit(super::words::Length::Year) => true,
        _ => bare,
    };
    let counts = matches!(tokens.meaning(at + 1), Meaning::Counted | Meaning::Unit(_));
    (token.text.is_empty() && told && !counts).then(|| (Period::months(Some(year), 1, 12), at + 1))
}
