//! `/api/memory` on AWS Lambda.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::lambda::serve(&endpoints::memory::ENDPOINT)
}
