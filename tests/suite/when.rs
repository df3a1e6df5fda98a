//! Times that queries name, resolved by the database: what day it is, is a matter of where one is.

use black_box::run;
use devstack::postgres::{self, Database};
use memory_orchestrator::domain::when::{TIME_WORDS, asked};
use serde_json::json;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

/// A migrated database of its own.
async fn database() -> Database {
    let server = postgres::shared().await.unwrap();
    let migrations = devstack::workspace().join("migrations");
    server.fresh_database(&migrations).await.unwrap()
}

/// Somebody whose requests ask; times are shown in UTC.
async fn somebody(database: &Database) -> Client {
    let client = database.admin().await.unwrap();
    let setup = "set role authenticated; set timezone = 'UTC'";
    client.batch_execute(setup).await.unwrap();
    client
}

/// The ranges of a query that is asked in `zone` at `now`.
async fn ranges(client: &Client, query: &str, zone: &str, now: &str) -> Result<Vec<String>, Error> {
    let spans = json!(asked(query).spans);
    let sql = "
        select to_char(lower(r.range), 'YYYY-MM-DD HH24:MI') || ' to ' || to_char(upper(r.range), 'YYYY-MM-DD HH24:MI')
        from unnest(memories.asked_ranges($1, $2, $3::text::timestamptz)) as r (range)";
    let rows = client.query(sql, &[&spans, &zone, &now]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[test]
fn a_day_is_the_callers_day() {
    const LOS_ANGELES: &str = "America/Los_Angeles";
    const AUCKLAND: &str = "Pacific/Auckland";
    let cases = [
        // One moment, two days.
        (
            "yesterday",
            LOS_ANGELES,
            "2023-11-14T11:30Z",
            "2023-11-12 08:00 to 2023-11-21 08:00",
        ),
        (
            "yesterday",
            AUCKLAND,
            "2023-11-14T11:30Z",
            "2023-11-12 11:00 to 2023-11-21 11:00",
        ),
        // Two minutes around a midnight; the clocks go forward on that day.
        (
            "today",
            LOS_ANGELES,
            "2023-03-12T07:59Z",
            "2023-03-10 08:00 to 2023-03-19 07:00",
        ),
        (
            "today",
            LOS_ANGELES,
            "2023-03-12T08:01Z",
            "2023-03-11 08:00 to 2023-03-20 07:00",
        ),
        (
            "12 March 2023",
            LOS_ANGELES,
            "2026-01-01T00:00Z",
            "2023-03-11 08:00 to 2023-03-20 07:00",
        ),
        // And back, on the other side of the world.
        (
            "2 April 2023",
            AUCKLAND,
            "2026-01-01T00:00Z",
            "2023-03-31 11:00 to 2023-04-09 12:00",
        ),
        (
            "last year",
            AUCKLAND,
            "2023-12-31T10:59Z",
            "2021-12-31 11:00 to 2023-01-03 11:00",
        ),
        (
            "last year",
            AUCKLAND,
            "2023-12-31T11:01Z",
            "2022-12-31 11:00 to 2024-01-03 11:00",
        ),
        // A quarter of an hour beside the others, and a day that has no midnight.
        (
            "May 2023",
            "Asia/Kathmandu",
            "2026-01-01T00:00Z",
            "2023-04-30 18:15 to 2023-06-03 18:15",
        ),
        (
            "from 5 November 2018 to 6 November 2018",
            "America/Sao_Paulo",
            "2026-01-01T00:00Z",
            "2018-11-04 03:00 to 2018-11-14 02:00",
        ),
    ];
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        for (query, zone, now, wanted) in cases {
            let ranges = ranges(&client, query, zone, now).await.unwrap();
            assert_eq!(ranges, [wanted], "{query}, {zone}, {now}");
        }
    });
}

#[test]
fn the_last_of_something_depends_on_the_day() {
    let cases = [
        // 14 November 2023 is a Tuesday.
        ("last Tuesday", "2023-11-14", "2023-11-06 to 2023-11-15"),
        ("last Tuesday", "2023-11-15", "2023-11-13 to 2023-11-22"),
        ("on Sunday", "2023-11-20", "2023-11-18 to 2023-11-27"),
        // Saturday and Sunday.
        ("the weekend", "2023-11-18", "2023-11-17 to 2023-11-27"),
        ("the weekend", "2023-11-19", "2023-11-17 to 2023-11-27"),
        ("the weekend", "2023-11-20", "2023-11-17 to 2023-11-27"),
        ("last weekend", "2023-11-19", "2023-11-10 to 2023-11-20"),
        ("last week", "2023-11-19", "2023-11-06 to 2023-11-16"),
        ("last week", "2023-11-20", "2023-11-13 to 2023-11-23"),
        ("a month ago", "2023-03-31", "2023-02-12 to 2023-03-23"),
        ("last month", "2023-03-31", "2023-02-01 to 2023-03-04"),
        ("last summer", "2023-08-31", "2022-06-01 to 2022-09-04"),
        ("last summer", "2023-09-01", "2023-06-01 to 2023-09-04"),
        ("last winter", "2024-02-29", "2022-12-01 to 2023-03-04"),
        ("last winter", "2024-03-01", "2023-12-01 to 2024-03-04"),
        ("this winter", "2024-02-29", "2023-12-01 to 2024-03-04"),
        ("last Christmas", "2023-12-25", "2022-12-24 to 2023-01-02"),
        ("last Christmas", "2023-12-26", "2023-12-24 to 2024-01-02"),
        ("last May", "2023-05-31", "2022-05-01 to 2022-06-04"),
        (
            "between May and today",
            "2023-04-30",
            "2022-05-01 to 2023-05-08",
        ),
        (
            "between May and today",
            "2023-05-01",
            "2023-05-01 to 2023-05-09",
        ),
    ];
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        for (query, today, wanted) in cases {
            let now = format!("{today}T12:00Z");
            let ranges = ranges(&client, query, "UTC", &now).await.unwrap();
            let wanted = wanted.replace(" to ", " 00:00 to ") + " 00:00";
            assert_eq!(ranges, [wanted], "{query}, {today}");
        }
    });
}

#[test]
fn a_day_without_a_year_is_one_of_each_year() {
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        let now = "2024-02-29T12:00Z";
        for query in [
            "in May",
            "29 February",
            "from November to February",
            "Christmas",
        ] {
            let ranges = ranges(&client, query, "UTC", now).await.unwrap();
            assert_eq!(ranges.len(), 12, "{query}: {ranges:?}");
        }
        let may = ranges(&client, "in May", "UTC", now).await.unwrap();
        assert_eq!(may[0], "2014-05-01 00:00 to 2014-06-04 00:00");
        assert_eq!(may[11], "2025-05-01 00:00 to 2025-06-04 00:00");
    });
}

#[test]
fn open_ends_and_extremes_are_ranges_too() {
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        let sql = "select memories.asked_ranges($1, $2, '2023-11-15T12:00Z')::text";
        for (query, wanted) in [
            ("", "{}"),
            ("since 2022", "{[\"2022-01-01 00:00:00+00\",)}"),
            ("before 7 May 2023", "{(,\"2023-05-07 00:00:00+00\")}"),
            ("before May 2023 or after May 2022", "{(,)}"),
            ("from December to January 0001", "{}"),
        ] {
            let spans = json!(asked(query).spans);
            let row = client.query_one(sql, &[&spans, &"UTC"]).await.unwrap();
            assert_eq!(row.get::<_, &str>(0), wanted, "{query}");
        }
        let far = "1 January 0001, 31 December 9999, 2000 years ago, from December 9999 to January, \
            the year before 1 January 0001, 2000 years after 31 December 9999, winter 9999, winter 0001";
        assert_eq!(asked(far).spans.len(), 8);
        for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago"] {
            let ranges = ranges(&client, far, zone, "2023-11-15T12:00Z").await;
            assert!(!ranges.unwrap().is_empty());
        }
    });
}

#[test]
fn an_unknown_time_zone_is_told_from_other_faults() {
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        for query in ["", "yesterday", "in May"] {
            for zone in [
                "Mars/Olympus_Mons",
                "",
                "Europe",
                "Europe/Berlin; drop",
                "😀",
            ] {
                let error = ranges(&client, query, zone, "2023-11-15T12:00Z")
                    .await
                    .unwrap_err();
                assert_eq!(
                    error.code(),
                    Some(&SqlState::INVALID_PARAMETER_VALUE),
                    "{zone}"
                );
            }
        }
    });
}

#[test]
fn turns_that_tell_a_time_have_a_time_word() {
    let telling = "Yesterday, today, tonight, tomorrow, two years ago, last time, next one, the past days, since then, a week, \
        the weekend, two months, one year, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday, January, February, \
        March, April, June, July, August, September, October, November, December, in summer, in winter";
    run(async {
        let database = database().await;
        let client = somebody(&database).await;
        let list = TIME_WORDS.join("' | '");
        let same = "select memories.time_words() = $1::text::tsquery";
        let row = client
            .query_one(same, &[&format!("'{list}'")])
            .await
            .unwrap();
        assert!(row.get::<_, bool>(0), "the service's list is another");

        let tells = "select to_tsvector('pg_catalog.english', $1) @@ memories.time_words()";
        let said: Vec<_> = telling.split(',').collect();
        assert_eq!(said.len(), TIME_WORDS.len());
        for said in said {
            let row = client.query_one(tells, &[&said]).await.unwrap();
            assert!(row.get::<_, bool>(0), "{said}");
        }
        for said in ["May I ask you something?", "She bakes bread.", ""] {
            let row = client.query_one(tells, &[&said]).await.unwrap();
            assert!(!row.get::<_, bool>(0), "{said}");
        }
    });
}
