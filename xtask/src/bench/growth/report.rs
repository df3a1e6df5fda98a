//! The tables, and whether the bars were kept.

use super::super::table::{Cell, Report, Table};
use super::exact::DEPTH;
use super::latency::Group;
use super::scene::LIMIT;
use super::{EACH, Measured};

/// Of the least users' p50 the most that the most users' may be: flat, on a machine that others use too.
const FLAT: f64 = 1.25;

/// Of the bare scan's p50 the most that a search may take, among users of 2,000 turns.
const SCAN: f64 = 2.0;

/// Recall beside the exact scan: of searches that read every vector, and of those by an index.
const EXACT: f64 = 1.0;
const BY_INDEX: f64 = 0.95;

pub(super) fn of(measured: &Measured) -> Report {
    let mut tables = vec![users(measured), turns(measured), compared(measured)];
    if !measured.budgets.is_empty() {
        let mut table = Table::new(
            "The evidence of LoCoMo's questions within so many tokens, packed by the endpoint",
            ["tokens", "recall"],
        );
        for (tokens, share) in &measured.budgets {
            table.row([Cell::Count((*tokens).into()), Cell::Percent(100.0 * share)]);
        }
        tables.push(table);
    }
    Report {
        tables,
        notes: notes(measured),
    }
}

fn users(measured: &Measured) -> Table {
    let columns = [
        "users",
        "p50",
        "p95",
        "of it in Postgres, p50",
        "beside the fewest",
        "bar",
        "verdict",
        "fewer hits",
    ];
    let title = format!("POST /api/context with more users, of {EACH} turns each");
    let mut table = Table::new(title, columns);
    let least = measured.users.first().map(|(_, group)| group.seen.median());
    let most = measured.users.len().saturating_sub(1);
    for (place, (count, group)) in measured.users.iter().enumerate() {
        let ratio = group.seen.median() / least.unwrap_or(f64::NAN);
        let judged = place == most;
        table.row([
            Cell::Count((*count).into()),
            Cell::Milliseconds(group.seen.median()),
            Cell::Milliseconds(group.seen.percentile(95)),
            Cell::Milliseconds(group.database.median()),
            Cell::Ratio(ratio),
            if judged {
                Cell::Ratio(FLAT)
            } else {
                Cell::Empty
            },
            if judged {
                Cell::Kept(ratio <= FLAT)
            } else {
                Cell::Empty
            },
            short(group),
        ]);
    }
    table
}

fn turns(measured: &Measured) -> Table {
    let columns = [
        "turns of the user",
        "p50",
        "p95",
        "of it in Postgres, p50",
        "fewer hits",
    ];
    let title = format!(
        "POST /api/context with more turns of one user, among {} rows",
        measured.rows
    );
    let mut table = Table::new(title, columns);
    for (turns, group) in &measured.turns {
        table.row([
            Cell::Count((*turns).into()),
            Cell::Milliseconds(group.seen.median()),
            Cell::Milliseconds(group.seen.percentile(95)),
            Cell::Milliseconds(group.database.median()),
            short(group),
        ]);
    }
    table
}

/// No user may get fewer hits than were asked for, however many others there are.
fn short(group: &Group) -> Cell {
    match group.short {
        0 => Cell::Kept(true),
        some => format!("FAIL: {some} had fewer than {LIMIT}").into(),
    }
}

fn compared(measured: &Measured) -> Table {
    let columns = [
        "users",
        "questions",
        "fewer hits",
        "recall@10",
        "bar",
        "kept",
        "search p50",
        "scan p50",
        "ratio",
        "at most",
        "verdict",
    ];
    let title = format!(
        "Vector search beside the bare exact scan, {DEPTH} hits, among {} rows",
        measured.rows
    );
    let mut table = Table::new(title, columns);
    for (place, (name, exact, compared)) in measured.compared.iter().enumerate() {
        let recall = compared.recall();
        let least = if *exact { EXACT } else { BY_INDEX };
        let ratio = compared.search.median() / compared.scan.median();
        // The bar is about users of 2,000 turns.
        let judged = place == 0;
        table.row([
            name.as_str().into(),
            Cell::Count(i64::try_from(compared.questions).unwrap_or(i64::MAX)),
            Cell::Count(i64::try_from(compared.short).unwrap_or(i64::MAX)),
            format!("{recall:.3}").into(),
            format!("{least:.2}").into(),
            Cell::Kept(recall >= least && compared.short == 0),
            Cell::Milliseconds(compared.search.median()),
            Cell::Milliseconds(compared.scan.median()),
            Cell::Ratio(ratio),
            if judged {
                Cell::Ratio(SCAN)
            } else {
                Cell::Empty
            },
            if judged {
                Cell::Kept(ratio <= SCAN)
            } else {
                Cell::Empty
            },
        ]);
    }
    table
}

fn notes(measured: &Measured) -> Vec<String> {
    let mut notes = vec![
        "Asked are the functions' own processes of the Vercel host, over HTTP on loopback, one request at a time; sizes take \
         turns. The embedder's time is taken out. Every request has a query of eight words and asks for 20 hits."
            .to_owned(),
        "Turns are 12 to 48 made-up words, as unevenly often as words are, and half of them stop words; vectors have 384 \
         dimensions, of which 24 carry most, around 64 topics."
            .to_owned(),
        "The scan is `order by embedding <#> $1 limit 10` over one user's rows, as the tables' owner; the search is what the \
         service asks, as the user, under row level security. Both over one kept connection, round trip included."
            .to_owned(),
    ];
    if !measured.whole_postgres {
        notes.push(
            "This Postgres lacks btree_gin, which Supabase has: full text had to pass over the words of all other users."
                .to_owned(),
        );
    }
    if !measured.released {
        notes.push(
            "The functions are of the development profile: their times are no result.".to_owned(),
        );
    }
    notes
}
