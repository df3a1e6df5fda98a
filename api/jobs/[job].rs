//! `/api/jobs/{job}` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::jobs::ENDPOINT)
}
