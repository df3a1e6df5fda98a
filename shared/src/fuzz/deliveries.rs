//! What QStash brings: deliveries and failure callbacks. Its signature is checked before, so it is no stranger's; but a
//! body that cannot be read must be refused for good, or it is delivered again and again.

use crate::domain::job::{Delivery, VERSION};
use crate::endpoints::jobs::{GivenUp, delivery, read};
use crate::problem::Problem;

/// One body, read as both.
pub fn deliveries(data: &[u8]) {
    check(delivery(data), |delivery: Delivery| {
        assert_eq!(delivery.version, VERSION);
        let again = serde_json::to_vec(&delivery).unwrap_or_default();
        check(self::delivery(&again), |same| assert_eq!(same, delivery));
    });
    check(read::<GivenUp>(data), |given_up| {
        check(given_up.delivery(), drop);
    });
}

fn check<T>(read: Result<T, Problem>, good: impl FnOnce(T)) {
    match read {
        Ok(value) => good(value),
        Err(problem) => assert_eq!(problem.status().as_u16(), 489, "{problem:?}"),
    }
}
