//! Two users with the same ids do everything at once. `cargo xtask isolation` makes longer runs.

use black_box::run;
use devstack::isolation_run::{self, Report, Settings};

/// Some seconds.
const STEPS: usize = 400;

fn go(settings: Settings) -> Report {
    let settings = Settings {
        pooled: std::env::var_os("SUITE_POOLER").is_some(),
        ..settings
    };
    eprintln!("seed {}", settings.seed);
    run(isolation_run::run(settings, |_| {})).unwrap()
}

#[test]
fn two_users_of_the_same_ids_never_meet() {
    let settings = Settings {
        seed: 21,
        steps: STEPS,
        ..Settings::default()
    };
    let report = go(settings);
    assert!(report.is_good(), "{report:#?}");
    assert_eq!(report.steps, STEPS, "{report:#?}");
    assert!(report.operations.len() > 14, "{report:#?}");
    assert_eq!(report.removed_from_functions, 0, "{report:#?}");
}

#[test]
fn two_users_never_meet_where_our_own_filters_are_gone() {
    let settings = Settings {
        seed: 22,
        steps: STEPS,
        without_filters: true,
        ..Settings::default()
    };
    let report = go(settings);
    assert!(report.is_good(), "{report:#?}");
    assert_eq!(report.steps, STEPS, "{report:#?}");
    assert!(report.removed_from_functions > 50, "{report:#?}");
    // Of the lists of sessions and erasures, a session and its turns, and the export.
    assert!(report.removed_from_statements > 10, "{report:#?}");
}

/// What the two runs above are worth: with the filters gone and one wall down, they fail.
#[test]
fn that_a_wall_is_down_is_noticed() {
    let settings = Settings {
        seed: 23,
        steps: STEPS,
        without_filters: true,
        sabotage: Some("alter table memories.turns disable row level security".to_owned()),
        ..Settings::default()
    };
    let report = go(settings);
    assert!(!report.is_good(), "{report:#?}");
    assert!(report.not_unfiltered.is_empty(), "{report:#?}");
}
