//! The results as a picture: latency against rows, and recall against tokens.

use super::super::chart::{Axis, Chart, Line, picture, written};
use super::super::samples::Samples;
use super::latency::Group;
use super::{EACH, Measured};

/// The picture as SVG.
pub(super) fn of(measured: &Measured) -> String {
    let users: Vec<(f64, &Group)> = measured
        .users
        .iter()
        .map(|(count, group)| (f64::from(count * EACH), group))
        .collect();
    let turns: Vec<(f64, &Group)> = measured
        .turns
        .iter()
        .map(|(turns, group)| (f64::from(*turns), group))
        .collect();
    let most = users
        .iter()
        .chain(&turns)
        .map(|(_, group)| group.seen.percentile(95))
        .fold(0.0, f64::max);
    let mut charts = vec![
        latency(
            "Context, with more turns of one user",
            format!(
                "POST /api/context, among {} rows",
                written(f64::from(measured.rows))
            ),
            Axis::tenfold("turns of the user", &values(&turns)),
            &turns,
            most,
        ),
        latency(
            "Context, with more users",
            format!("POST /api/context, users of {EACH} turns each"),
            Axis::tenfold("rows of all users", &values(&users)),
            &users,
            most,
        ),
    ];
    if !measured.budgets.is_empty() {
        charts.push(recall(measured));
    }
    picture(&charts)
}

fn values(groups: &[(f64, &Group)]) -> Vec<f64> {
    groups.iter().map(|(rows, _)| *rows).collect()
}

fn latency(title: &str, note: String, across: Axis, groups: &[(f64, &Group)], most: f64) -> Chart {
    let line = |name: &str, of: fn(&Samples) -> f64, aside| Line {
        name: name.to_owned(),
        points: groups
            .iter()
            .map(|(rows, group)| (*rows, of(&group.seen)))
            .collect(),
        aside,
    };
    Chart {
        title: title.to_owned(),
        note,
        across,
        up: Axis::above("", " ms", most),
        lines: vec![
            line("p50", Samples::median, false),
            line("p95", |samples| samples.percentile(95), true),
        ],
    }
}

fn recall(measured: &Measured) -> Chart {
    let tokens = measured
        .budgets
        .iter()
        .map(|(tokens, _)| f64::from(*tokens));
    let mut ticks = vec![0.0];
    ticks.extend(tokens.filter(|tokens| tokens % 500.0 == 0.0));
    let points = measured.budgets.iter();
    Chart {
        title: "Evidence found, within a budget of tokens".to_owned(),
        note: "LoCoMo's questions, all-MiniLM-L6-v2".to_owned(),
        across: Axis {
            name: "maxTokens",
            logarithmic: false,
            from: 0.0,
            to: ticks.last().copied().unwrap_or(1.0),
            ticks,
            unit: "",
        },
        up: Axis::above("", "%", 100.0),
        lines: vec![Line {
            name: "recall of the turns that answer".to_owned(),
            points: points
                .map(|(tokens, share)| (f64::from(*tokens), 100.0 * share))
                .collect(),
            aside: false,
        }],
    }
}
