//! The tables, and whether the bars were kept.

use serde_json::{Value, json};

use super::super::table::{Cell, Report, Table};
use super::measure::{Measured, Timed};

/// The contenders, in the order in which they take turns.
pub(super) const OURS: usize = 0;
pub(super) const LANGGRAPH: usize = 1;
pub(super) const MEM0: usize = 2;
pub(super) const BARE: usize = 3;

/// A bar: at most this share of a peer's time at the median. Recording is judged with the embedder's time,
/// since who embeds before the turn is kept lets the caller wait for it; searching without, since there
/// all embed the question.
struct Bar {
    what: &'static str,
    peer: usize,
    share: f64,
    times: fn(&Measured) -> &Timed,
    embedder_counts: bool,
}

const BARS: [Bar; 4] = [
    Bar {
        what: "record: a third of LangGraph's put",
        peer: LANGGRAPH,
        share: 1.0 / 3.0,
        times: |measured| &measured.record,
        embedder_counts: true,
    },
    Bar {
        what: "record: a tenth of Mem0's add",
        peer: MEM0,
        share: 0.1,
        times: |measured| &measured.record,
        embedder_counts: true,
    },
    Bar {
        what: "context: LangGraph's search",
        peer: LANGGRAPH,
        share: 1.0,
        times: |measured| &measured.search,
        embedder_counts: false,
    },
    Bar {
        what: "context: a fifth of Mem0's search",
        peer: MEM0,
        share: 0.2,
        times: |measured| &measured.search,
        embedder_counts: false,
    },
];

/// Where the time went, as `server-timing` tells it; the part `total` is the endpoint's own.
fn parts(all: &[Measured]) -> Table {
    let mut table = Table::new(
        "Where our time goes, by server-timing",
        ["call", "part", "p50", "p95"],
    );
    for (call, part, samples) in all.iter().flat_map(|measured| &measured.parts) {
        table.row([
            (*call).into(),
            part.as_str().into(),
            Cell::Milliseconds(samples.median()),
            Cell::Milliseconds(samples.percentile(95)),
        ]);
    }
    table
}

pub(super) fn tables(all: &[Measured]) -> Vec<Table> {
    let mut tables = vec![
        times(
            "Recording a turn",
            all,
            |measured| &measured.record,
            "searchable after",
        ),
        times(
            "Searching: 10 hits for a question",
            all,
            |measured| &measured.search,
            "",
        ),
        found(all),
        parts(all),
        bars(all),
    ];
    if all.iter().all(|measured| measured.recall().is_none()) {
        tables[2].rows.clear();
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn times(
    title: &str,
    all: &[Measured],
    of: fn(&Measured) -> &Timed,
    settles: &'static str,
) -> Table {
    let columns = [
        "contender",
        "calls",
        "p50",
        "p95",
        "p50 without the embedder",
        "p95 without",
        settles,
    ];
    let mut table = Table::new(title, columns);
    for measured in all {
        let timed = of(measured);
        let settled = measured.settled.median();
        table.row([
            measured.name.into(),
            Cell::Count(i64::try_from(timed.all.len()).unwrap_or(i64::MAX)),
            Cell::Milliseconds(timed.all.median()),
            Cell::Milliseconds(timed.all.percentile(95)),
            Cell::Milliseconds(timed.own.median()),
            Cell::Milliseconds(timed.own.percentile(95)),
            if settles.is_empty() || settled <= 0.0 {
                Cell::Empty
            } else {
                Cell::Milliseconds(settled)
            },
        ]);
    }
    if settles.is_empty() {
        table.columns.pop();
        for row in &mut table.rows {
            row.pop();
        }
    }
    table
}

fn found(all: &[Measured]) -> Table {
    let mut table = Table::new(
        "What was found: the turns that answer, among 10 hits",
        ["contender", "questions", "recall@10", "fewer than 10 hits"],
    );
    for measured in all {
        table.row([
            measured.name.into(),
            Cell::Count(i64::try_from(measured.recalls.len()).unwrap_or(i64::MAX)),
            measured.recall().map_or(Cell::Empty, Cell::Percent),
            format!("{} of {}", measured.short, measured.searches).into(),
        ]);
    }
    table
}

fn bars(all: &[Measured]) -> Table {
    let mut table = Table::new(
        "Bars, at the median",
        [
            "at most",
            "embedder",
            "ours",
            "the peer's",
            "share",
            "bar",
            "verdict",
        ],
    );
    for bar in &BARS {
        let (ours, peer) = ((bar.times)(&all[OURS]), (bar.times)(&all[bar.peer]));
        for (counts, ours, peer) in [(true, &ours.all, &peer.all), (false, &ours.own, &peer.own)] {
            let judged = counts == bar.embedder_counts;
            let shown = |cell: Cell| if judged { cell } else { Cell::Empty };
            let (ours, peer) = (ours.median(), peer.median());
            table.row([
                bar.what.into(),
                if counts { "counted" } else { "taken out" }.into(),
                Cell::Milliseconds(ours),
                Cell::Milliseconds(peer),
                Cell::Ratio(ours / peer),
                shown(Cell::Ratio(bar.share)),
                shown(Cell::Kept(ours <= bar.share * peer)),
            ]);
        }
    }
    let ours = all[OURS].recall();
    for peer in [LANGGRAPH, MEM0] {
        if let (Some(ours), Some(theirs)) = (ours, all[peer].recall()) {
            table.row([
                format!("recall@10 above {}'s", ["", "LangGraph", "Mem0"][peer]).into(),
                Cell::Empty,
                Cell::Percent(ours),
                Cell::Percent(theirs),
                Cell::Empty,
                Cell::Empty,
                Cell::Kept(ours > theirs),
            ]);
        }
    }
    table
}

/// The line of `--json`: milliseconds and percent.
pub(super) fn line(all: &[Measured], report: &Report) -> Value {
    let names = ["ours", "langgraph", "mem0", "bare"];
    let timed = |timed: &Timed| {
        json!({
            "p50": rounded(timed.all.median()),
            "p95": rounded(timed.all.percentile(95)),
            "p50WithoutEmbedder": rounded(timed.own.median()),
            "p95WithoutEmbedder": rounded(timed.own.percentile(95)),
        })
    };
    let mut line = json!({ "kept": report.passed() });
    for (name, measured) in names.into_iter().zip(all) {
        line[name] = json!({
            "recordMs": timed(&measured.record),
            "searchMs": timed(&measured.search),
            "recallAt10": measured.recall().map(rounded),
            "fewerThan10Hits": measured.short,
            "searches": measured.searches,
        });
    }
    line
}

fn rounded(figure: f64) -> f64 {
    (figure * 1e3).round() / 1e3
}

/// What one has to know to read the tables.
pub(super) fn notes(released: bool) -> Vec<String> {
    let mut notes = vec![
        "The contenders take turns, call by call; what a call leaves to be done has ended before the next. \
         One Postgres that flushes to disk, a database each; after the recording each is vacuumed and analysed."
            .to_owned(),
        "Ours is the functions' own processes of the Vercel host, over HTTP on loopback: token verified, turn durable, \
         job published, context fused and packed. The vector is made by the job after the answer; `searchable after` \
         is when it was there. By words the turn is found at once."
            .to_owned(),
        "LangGraph's PostgresStore (put, search) and Mem0 (add with infer=False, search; without spaCy, as pip leaves it) \
         run in a Python process each, and are timed around the library's call. They embed within it."
            .to_owned(),
        "Bare SQL is one row with its vector in a table without any index but its key, and `order by embedding <=> $1` \
         over one user; its vectors are there beforehand."
            .to_owned(),
        "All ask one local embedder, all-MiniLM-L6-v2 on this machine's processors, over HTTP; `without` subtracts what \
         each waited for it: measured around the call in Python, told by server-timing for ours."
            .to_owned(),
    ];
    if !released {
        notes.push(
            "The functions are of the development profile: their times are no result.".to_owned(),
        );
    }
    notes
}
