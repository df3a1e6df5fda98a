//! When a session began, as LoCoMo writes it.

use time::{Date, Month, OffsetDateTime, Time};

/// `1:56 pm on 8 May, 2023`, taken for UTC: the data name no time zone.
pub(super) fn moment(text: &str) -> Option<OffsetDateTime> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let [hour, minute, half, "on", day, month, year] = words[..] else {
        return None;
    };
    let hour: u8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let afternoon = match half.to_ascii_lowercase().as_str() {
        "am" => 0,
        "pm" => 12,
        _ => return None,
    };
    let month: Month = month.parse().ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let time = Time::from_hms(hour % 12 + afternoon, minute.parse().ok()?, 0).ok()?;
    Some(date.with_time(time).assume_utc())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::moment;

    #[test]
    fn a_date_is_read_as_the_data_set_writes_it() {
        for (text, expected) in [
            ("1:56 pm on 8 May, 2023", datetime!(2023-05-08 13:56 UTC)),
            (
                "12:48 am on 1 February, 2023",
                datetime!(2023-02-01 00:48 UTC),
            ),
            (
                "12:09 pm on 13 September, 2023",
                datetime!(2023-09-13 12:09 UTC),
            ),
            (
                "9:05 AM on 29 February 2024",
                datetime!(2024-02-29 09:05 UTC),
            ),
        ] {
            assert_eq!(moment(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "8 May, 2023",
            "13:56 pm on 8 May, 2023",
            "1:56 pm on 31 June, 2023",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
