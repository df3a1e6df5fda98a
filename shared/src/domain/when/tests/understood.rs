//! What is understood, as seen on Wednesday, 15 November 2023.

use super::resolved;

/// Days and dates. A day is widened: from the day before it through the seventh day behind.
const DATES: &[(&str, &str)] = &[
    (
        "Who did Maria have dinner with on May 3, 2023?",
        "2023-05-02..2023-05-11",
    ),
    ("What happened on 7 May 2023?", "2023-05-06..2023-05-15"),
    ("What did I say on May 7th, 2023?", "2023-05-06..2023-05-15"),
    ("the 7th of May, 2023", "2023-05-06..2023-05-15"),
    ("2023-05-07", "2023-05-06..2023-05-15"),
    ("2023-05-07T10:00:00Z", "2023-05-06..2023-05-15"),
    ("2023/05/07", "2023-05-06..2023-05-15"),
    ("05/13/2023", "2023-05-12..2023-05-21"),
    ("7. May 2023", "2023-05-06..2023-05-15"),
    ("17.5.2023", "2023-05-16..2023-05-25"),
    ("May 7", "yearly 2023-05-06..2023-05-15"),
    ("may 7", "yearly 2023-05-06..2023-05-15"),
    ("7 may", "yearly 2023-05-06..2023-05-15"),
    ("May the 7th", "yearly 2023-05-06..2023-05-15"),
    ("first of May", "yearly 2023-04-30..2023-05-09"),
    ("the second of May 2023", "2023-05-01..2023-05-10"),
    ("Sunday, May 7, 2023", "2023-05-06..2023-05-15"),
    ("Sun, 7 May 2023", "2023-05-06..2023-05-15"),
    ("Jan. 7, 2021", "2021-01-06..2021-01-15"),
    ("sept 3rd", "yearly 2023-09-02..2023-09-11"),
    ("May 7-9, 2023", "2023-05-06..2023-05-17"),
    ("May 7 to 9", "yearly 2023-05-06..2023-05-17"),
    ("the twenty-first of May 2023", "2023-05-20..2023-05-29"),
    ("twenty first of may", "yearly 2023-05-20..2023-05-29"),
    ("May twenty-first", "yearly 2023-05-20..2023-05-29"),
    ("fifteenth of August", "yearly 2023-08-14..2023-08-23"),
];

/// Months, years and their parts, with three days behind them.
const PARTS: &[(&str, &str)] = &[
    ("13/05/2023", "2023-05-12..2023-05-21"),
    ("05/05/2023", "2023-05-04..2023-05-13"),
    ("in May", "yearly 2023-05-01..2023-06-04"),
    ("In may 2023", "2023-05-01..2023-06-04"),
    ("May 2023", "2023-05-01..2023-06-04"),
    ("may, 2022", "2022-05-01..2022-06-04"),
    ("the May meeting", "yearly 2023-05-01..2023-06-04"),
    ("our June trip", "yearly 2023-06-01..2023-07-04"),
    ("What happened in April?", "yearly 2023-04-01..2023-05-04"),
    ("in July", "yearly 2023-07-01..2023-08-04"),
    ("January", "yearly 2023-01-01..2023-02-04"),
    ("late March", "yearly 2023-03-21..2023-04-04"),
    ("early May", "yearly 2023-05-01..2023-05-14"),
    ("mid-May", "yearly 2023-05-11..2023-05-24"),
    ("mid May 2022", "2022-05-11..2022-05-24"),
    ("the end of June", "yearly 2023-06-21..2023-07-04"),
    ("at the beginning of July 2023", "2023-07-01..2023-07-14"),
    ("in 2023", "2023-01-01..2024-01-04"),
    ("the year 2019", "2019-01-01..2020-01-04"),
    ("the 1990s", "1990-01-01..2000-01-04"),
    ("late 2022", "2022-09-01..2023-01-04"),
    ("mid-2021", "2021-05-01..2021-09-04"),
    ("05/2023", "2023-05-01..2023-06-04"),
    ("2023-05", "2023-05-01..2023-06-04"),
    ("May '23", "2023-05-01..2023-06-04"),
    ("the summer of 2022", "2022-06-01..2022-09-04"),
    ("summer 2022", "2022-06-01..2022-09-04"),
    ("during the summer", "yearly 2023-06-01..2023-09-04"),
    ("in winter", "yearly 2023-12-01..2024-03-04"),
    ("winter 2022", "2021-12-01..2023-03-04"),
    ("in the fall", "yearly 2023-09-01..2023-12-04"),
    ("first week of June", "yearly 2023-06-01..2023-06-11"),
    ("the last week of May 2023", "2023-05-25..2023-06-04"),
    ("last weekend of July", "yearly 2023-07-25..2023-08-04"),
    ("second weekend in August", "yearly 2023-08-08..2023-08-19"),
    ("last day of February 2024", "2024-02-28..2024-03-08"),
    ("first day of March", "yearly 2023-02-28..2023-03-09"),
    ("Christmas", "yearly 2023-12-24..2024-01-02"),
    ("Christmas Eve 2022", "2022-12-23..2023-01-01"),
    ("Christmas day", "yearly 2023-12-24..2024-01-02"),
    ("New Year's Eve", "yearly 2023-12-30..2024-01-08"),
    ("New Year's Day 2023", "2022-12-31..2023-01-09"),
    ("Halloween", "yearly 2023-10-30..2023-11-08"),
    ("Valentine's Day", "yearly 2023-02-13..2023-02-22"),
    ("the first Monday of May", "yearly 2023-05-01..2023-05-11"),
    ("last Friday of March 2022", "2022-03-25..2022-04-04"),
];

/// Counted from today.
const RELATIVE: &[(&str, &str)] = &[
    ("last summer", "2023-06-01..2023-09-04"),
    ("this summer", "2023-06-01..2023-09-04"),
    ("last spring", "2023-03-01..2023-06-04"),
    ("last winter", "2022-12-01..2023-03-04"),
    ("yesterday", "2023-11-13..2023-11-22"),
    ("the day before yesterday", "2023-11-12..2023-11-22"),
    ("today", "2023-11-14..2023-11-23"),
    ("last night", "2023-11-13..2023-11-22"),
    ("this morning", "2023-11-14..2023-11-23"),
    ("tonight", "2023-11-14..2023-11-23"),
    ("last week", "2023-11-06..2023-11-16"),
    ("last month", "2023-10-01..2023-11-04"),
    ("last year", "2022-01-01..2023-01-04"),
    ("this week", "2023-11-13..2023-11-23"),
    ("this month", "2023-11-01..2023-12-04"),
    ("this year", "2023-01-01..2024-01-04"),
    ("past 3 days", "2023-11-12..2023-11-19"),
    ("the past week", "2023-11-08..2023-11-19"),
    ("in the last week", "2023-11-08..2023-11-19"),
    ("over the last few months", "2023-06-15..2023-11-19"),
    ("last couple of weeks", "2023-10-25..2023-11-19"),
    ("last 2 years", "2021-11-15..2023-11-19"),
    ("this past weekend", "2023-11-10..2023-11-20"),
    ("this past week", "2023-11-08..2023-11-19"),
    ("two weeks ago", "2023-10-28..2023-11-12"),
    ("a couple of months ago", "2023-07-30..2023-10-08"),
    ("a few days ago", "2023-11-09..2023-11-21"),
    ("3 years ago", "2020-05-15..2021-05-19"),
    ("a decade ago", "2008-11-15..2018-11-19"),
    ("an hour ago", "2023-11-14..2023-11-23"),
    ("several weeks ago", "2023-09-16..2023-11-05"),
    ("a fortnight ago", "2023-10-28..2023-11-12"),
    ("4 years ago", "2019-05-15..2020-05-19"),
    ("last Tuesday", "2023-11-13..2023-11-22"),
    ("on Monday", "2023-11-12..2023-11-21"),
    ("this Friday", "2023-11-09..2023-11-18"),
    ("Wednesday", "2023-11-07..2023-11-16"),
    ("on Sat", "2023-11-10..2023-11-19"),
    ("the weekend", "2023-11-10..2023-11-20"),
    ("last weekend", "2023-11-10..2023-11-20"),
    ("over the weekend", "2023-11-10..2023-11-20"),
    ("this weekend", "2023-11-10..2023-11-20"),
    ("two weekends ago", "2023-10-28..2023-11-12"),
    ("last Christmas", "2022-12-24..2023-01-02"),
    ("last May", "2023-05-01..2023-06-04"),
    ("last May 7", "2023-05-06..2023-05-15"),
    ("this May", "2023-05-01..2023-06-04"),
    ("twenty-five years ago", "1998-05-15..1999-05-19"),
    ("thirty days ago", "2023-10-15..2023-10-24"),
    ("thirteen weeks ago", "2023-08-12..2023-08-27"),
    ("past twenty days", "2023-10-26..2023-11-19"),
];

/// "before", "since", from one to another, and distances from a day.
const JOINED: &[(&str, &str)] = &[
    ("7 May to 9 June 2023", "2023-05-06..2023-06-17"),
    ("since January", "2023-01-01.."),
    ("before May 7, 2023", "..2023-05-07"),
    ("after May", "2023-06-01.."),
    ("since 2022", "2022-01-01.."),
    ("until March 2023", "..2023-04-01"),
    ("since last week", "2023-11-06.."),
    ("since yesterday", "2023-11-14.."),
    ("before Christmas", "..2022-12-25"),
    ("after the summer", "2023-09-01.."),
    ("until now", "..2023-11-16"),
    ("between May and July", "yearly 2023-05-01..2023-08-04"),
    ("between May and July 2023", "2023-05-01..2023-08-04"),
    (
        "between November and February 2023",
        "2022-11-01..2023-03-04",
    ),
    ("from November to February", "yearly 2023-11-01..2024-03-04"),
    (
        "between 7 May 2023 and 9 May 2023",
        "2023-05-06..2023-05-17",
    ),
    ("from March 2023 to now", "2023-03-01..2023-11-23"),
    ("from May until today", "2023-05-01..2023-11-23"),
    ("between March 2023 and now", "2023-03-01..2023-11-23"),
    ("between 2019 and 2021", "2019-01-01..2022-01-04"),
    ("May to July 2023", "2023-05-01..2023-08-04"),
    ("the week before August 3, 2023", "2023-07-26..2023-08-11"),
    ("two weeks before August 11, 2023", "2023-07-27..2023-08-19"),
    ("the day after Christmas", "yearly 2023-12-24..2024-01-03"),
    (
        "last weekend before April 10, 2023",
        "2023-04-02..2023-04-18",
    ),
];

fn check(table: &[(&str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(phrase, wanted)| (*phrase, *wanted, resolved(phrase)))
        .filter(|(_, wanted, got)| wanted != got)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn dates_are_read_however_they_are_written() {
    check(DATES);
}

#[test]
fn months_years_seasons_and_feasts_are_read() {
    check(PARTS);
}

#[test]
fn words_that_count_from_today_are_read() {
    check(RELATIVE);
}

#[test]
fn open_and_joined_times_are_read() {
    check(JOINED);
}

/// In a sentence it means what it means alone.
#[test]
fn words_around_a_time_change_nothing() {
    for (phrase, wanted) in DATES.iter().chain(JOINED) {
        for around in [
            format!("What did Ada paint with her sister {phrase}?"),
            format!("{phrase} Ada went to Lisbon, who with?"),
            format!("\u{1f3a8} {phrase}\n\nПривет"),
        ] {
            assert_eq!(resolved(&around), *wanted, "{around}");
        }
    }
}
