//! From words to spans: single times, "before" and "since" them, and from one to another.

use super::date::{Read, date, year};
use super::part::part;
use super::period::{Grain, Period};
use super::relative::{offset, relative};
use super::span::Span;
use super::token::Tokens;
use super::words::Meaning;

/// No query asks for so many times; they are unioned anyway.
pub(super) const MOST: usize = 16;

/// The times that are named, in the order they are named in, no two alike.
pub(super) fn spans(tokens: &Tokens) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut at = 0;
    while at < tokens.len() && spans.len() < MOST {
        let Some((span, end)) = span(tokens, at) else {
            at += 1;
            continue;
        };
        at = end;
        if let Some(span) = span.filter(|span| !spans.contains(span)) {
            spans.push(span);
        }
    }
    spans
}

/// What begins at this place, and the place behind it. No span: what stands there is no time of the past.
fn span(tokens: &Tokens, at: usize) -> Option<(Option<Span>, usize)> {
    match tokens.meaning(at) {
        Meaning::Between => return between(tokens, at + 1, true),
        Meaning::From => return between(tokens, at + 1, false),
        Meaning::Before | Meaning::After | Meaning::Since | Meaning::Until => {
            return bound(tokens, at);
        }
        Meaning::Next | Meaning::Every => return future(tokens, at + 1),
        _ => {}
    }
    if date(tokens, at, true).is_some()
        && let Some(read) = between(tokens, at, false)
    {
        return Some(read);
    }
    let (period, end) = period(tokens, at, false)?;
    Some((period.map(Period::span), end))
}

/// `next week`, `every May`: read over.
fn future(tokens: &Tokens, at: usize) -> Option<(Option<Span>, usize)> {
    let (_, end) = period(tokens, at, true).unwrap_or((None, at));
    Some((None, end))
}

/// One time.
fn period(tokens: &Tokens, at: usize, bare: bool) -> Option<Read> {
    anchored(tokens, at)
        .or_else(|| weekday_of(tokens, at))
        .or_else(|| part(tokens, at))
        .or_else(|| date(tokens, at, bare))
        .or_else(|| relative(tokens, at))
        .or_else(|| year(tokens, at, bare))
}

/// `two weeks before 11 August`: from then until that day, since it is told of on either.
fn anchored(tokens: &Tokens, at: usize) -> Option<Read> {
    let (stretch, before, place) = offset(tokens, at)?;
    let place = tokens.skip(place, Meaning::The);
    // Not anchored once more: a thousand of them would be read a thousand times.
    let (anchor, end) = part(tokens, place)
        .or_else(|| date(tokens, place, true))
        .or_else(|| relative(tokens, place))?;
    let (months, days) = stretch.longest();
    let around = |anchor: Period| {
        let mut period = anchor;
        if before {
            period.from = anchor.from.plus(-months, -days);
        } else {
            period.to = anchor.to.plus(months, days);
        }
        period.grain = Grain::Day;
        period
    };
    Some((anchor.map(around), end))
}

/// `Sunday, 7 May`: the date says it all.
fn weekday_of(tokens: &Tokens, at: usize) -> Option<Read> {
    if !matches!(
        tokens.meaning(at),
        Meaning::Weekday(_) | Meaning::MaybeWeekday(_)
    ) {
        return None;
    }
    let place = at + 1 + usize::from(tokens.is_sign(at + 1, ',') || tokens.is_sign(at + 1, '.'));
    date(tokens, tokens.skip(place, Meaning::The), false)
}

/// `before May`, `since 2022`: without an end on one side.
fn bound(tokens: &Tokens, at: usize) -> Option<(Option<Span>, usize)> {
    let (period, end) = period(tokens, tokens.skip(at + 1, Meaning::The), false)?;
    let side = |period: Period| {
        let period = period.begun();
        let (from, to) = match tokens.meaning(at) {
            Meaning::Since => (Some(period.from), None),
            Meaning::After => (Some(period.to), None),
            Meaning::Before => (None, Some(period.from)),
            _ => (None, Some(period.to)),
        };
        Span {
            from,
            to,
            each_year: false,
        }
    };
    Some((period.map(side), end))
}

/// `A and B`, where "between" stands before it; else `A to B`, `A until B`, `A - B`.
fn between(tokens: &Tokens, at: usize, and: bool) -> Option<(Option<Span>, usize)> {
    let (first, end) = period(tokens, tokens.skip(at, Meaning::The), true)?;
    let dash = ['-', '–', '—']
        .iter()
        .any(|dash| tokens.is_sign(end, *dash));
    let joined = match tokens.meaning(end) {
        Meaning::And => and,
        Meaning::To | Meaning::Until => !and,
        _ => dash && !and,
    };
    if !joined {
        return None;
    }
    let (last, end) = period(tokens, tokens.skip(end + 1, Meaning::The), true)?;
    let span = first.zip(last).map(|(first, last)| joined_up(first, last));
    Some((span, end))
}

/// From the first's beginning to the last's end. A year that only one of them names is the other's.
fn joined_up(mut first: Period, mut last: Period) -> Span {
    let earlier = u16::from(first.place() > last.place());
    match (first.year(), last.year()) {
        (None, Some(year)) if first.each_year => {
            first = first.in_year(year.saturating_sub(earlier).max(1));
        }
        (Some(year), None) if last.each_year => {
            last = last.in_year(year.saturating_add(earlier));
        }
        (Some(one), Some(other)) if (one, first.place()) > (other, last.place()) => {
            (first, last) = (last, first);
        }
        (None, None) if first.each_year && last.each_year && first.place() > last.place() => {
            last.to = last.to.plus(12, 0);
        }
        (None, None) if first.each_year != last.each_year => {
            (first, last) = (first.begun(), last.begun())
        }
        _ => {}
    }
    first.until(last)
}
