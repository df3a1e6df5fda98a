//! Periods of the calendar, before it is said what of them.

use time::Month;

use super::span::{Base, Mark, Span, Unit};

/// Something with a beginning and an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) from: Mark,
    pub(super) to: Mark,
    pub(super) grain: Grain,
    /// No year was named; the marks count from the beginning of any.
    pub(super) each_year: bool,
}

/// How exactly it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grain {
    /// To the day, or nearly.
    Day,
    /// A week or longer.
    Long,
}

impl Grain {
    /// How many days around it turns that tell of it are looked for. People tell of a day on the days after: from the
    /// day before to seven days behind was best by measurement. Of what lasts longer they tell while it lasts;
    /// three days more are for what happened at its end.
    fn margins(self) -> (i32, i32) {
        match self {
            Self::Day => (-1, 7),
            Self::Long => (0, 3),
        }
    }
}

/// The days of a month; 29 for a February of no year.
pub(super) fn days(year: Option<u16>, month: u8) -> Option<u8> {
    let month = Month::try_from(month).ok()?;
    Some(month.length(year.map_or(4, i32::from)))
}

impl Period {
    /// `months` and `days` into a year, or each, until so many into it.
    fn within(year: Option<u16>, from: (i32, i32), to: (i32, i32), grain: Grain) -> Self {
        let base = Mark::of(year.map_or(Base::This(Unit::Year), Base::Year));
        Self {
            from: base.plus(from.0, from.1),
            to: base.plus(to.0, to.1),
            grain,
            each_year: year.is_none(),
        }
    }

    /// From the first day of a month through the last; none, if there are no such days.
    pub(super) fn days(year: Option<u16>, month: u8, first: u8, last: u8) -> Option<Self> {
        let there = days(year, month)?;
        if first < 1 || first > last || last > there || year == Some(0) {
            return None;
        }
        let months = i32::from(month) - 1;
        let grain = if last - first < 6 {
            Grain::Day
        } else {
            Grain::Long
        };
        let (from, to) = ((months, i32::from(first) - 1), (months, i32::from(last)));
        Some(Self::within(year, from, to, grain))
    }

    pub(super) fn day(year: Option<u16>, month: u8, day: u8) -> Option<Self> {
        Self::days(year, month, day, day)
    }

    /// `count` months from the month on, which may end in the next year.
    pub(super) fn months(year: Option<u16>, month: u8, count: u8) -> Option<Self> {
        let from = i32::from(month) - 1;
        let valid = (1..=12).contains(&month) && year != Some(0);
        valid.then(|| Self::within(year, (from, 0), (from + i32::from(count), 0), Grain::Long))
    }

    /// So many days from a day on, both counted from today.
    pub(super) fn near(from: i32, to: i32) -> Self {
        Self::around(Unit::Day, (0, from), (0, to), Grain::Day)
    }

    /// From so many months and days after the beginning of the present unit until so many.
    pub(super) fn around(unit: Unit, from: (i32, i32), to: (i32, i32), grain: Grain) -> Self {
        let base = Mark::of(Base::This(unit));
        Self {
            from: base.plus(from.0, from.1),
            to: base.plus(to.0, to.1),
            grain,
            each_year: false,
        }
    }

    /// With both marks counted from the unit of so long before now.
    pub(super) fn led(mut self, months: i32, days: i32) -> Self {
        self.from = self.from.led(months, days);
        self.to = self.to.led(months, days);
        self.each_year = false;
        self
    }

    /// Of each year's the latest that has begun.
    pub(super) fn begun(self) -> Self {
        if !self.each_year {
            return self;
        }
        self.led(self.from.months, self.from.days)
    }

    /// Of each year's the latest that is over.
    pub(super) fn over(self) -> Self {
        if !self.each_year {
            return self;
        }
        self.led(self.to.months, self.to.days)
    }

    /// Of each year's, that of `year`.
    pub(super) fn in_year(mut self, year: u16) -> Self {
        if self.each_year {
            self.from.base = Base::Year(year);
            self.to.base = Base::Year(year);
            self.each_year = false;
        }
        self
    }

    /// The year that was named.
    pub(super) fn year(&self) -> Option<u16> {
        match self.from.base {
            Base::Year(year) => Some(year),
            Base::This(_) => None,
        }
    }

    /// Where in its year it begins, in months and days.
    pub(super) fn place(&self) -> (i32, i32) {
        (self.from.months, self.from.days)
    }

    /// When turns may have told of it.
    pub(super) fn span(self) -> Span {
        self.until(self)
    }

    /// From this one to that one, with what stands around them.
    pub(super) fn until(self, end: Self) -> Span {
        Span {
            from: Some(self.from.plus(0, self.grain.margins().0)),
            to: Some(end.to.plus(0, end.grain.margins().1)),
            each_year: self.each_year,
        }
    }
}
