//! What a sweep reads: the late and the pending, never all that was ever said.

use black_box::{Deployment, run};
use devstack::functions::Host;
use serde_json::Value;

use crate::operators::xtask;

/// The benchmark judges its time as well, with a million turns; on a machine that runs tests beside it
/// only the plan is certain.
#[test]
fn however_many_turns_are_done_a_sweep_reads_by_its_indexes() {
    run(async {
        let deployment = Deployment::shared(Host::Vercel).await;
        let bench = ["bench", "sweep", "--done=50000", "--runs=3", "--json"];
        let came = xtask(deployment, &bench).await;
        let report: Value = serde_json::from_str(&came.out).unwrap_or_else(|_| panic!("{came:?}"));
        let rows = report["tables"][0]["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 3, "{report}");
        for row in rows {
            assert_eq!(row["by index"], true, "{row}");
        }
    });
}
