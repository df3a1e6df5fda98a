//! Everything goes wrong at once. `cargo xtask faults` makes longer runs.

use black_box::run;
use devstack::fault_run::{self, Settings};

#[test]
fn no_turn_is_lost_or_doubled_while_everything_goes_wrong() {
    if std::env::var_os("SUITE_POOLER").is_some() {
        devstack::skipped("the fault run, which has been without PgBouncer");
        return;
    }
    let settings = Settings {
        seed: 11,
        turns: 240,
        users: 12,
        qstash: true,
    };
    let report = run(fault_run::run(settings, |_| {})).unwrap();
    let verdict = &report.verdict;
    assert!(verdict.is_good(), "{report:#?}");
    assert_eq!(verdict.recorded, settings.turns, "{report:#?}");
    assert_eq!(
        verdict.embedded + verdict.dead,
        settings.turns,
        "{report:#?}"
    );
    assert_eq!(
        verdict.pushed + verdict.skipped,
        settings.turns,
        "{report:#?}"
    );
    for fault in [
        "function killed",
        "delivered twice at once",
        "the job's answer was lost",
    ] {
        assert!(report.faults.contains_key(fault), "{report:#?}");
    }
}
