//! `/api/memory` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::memory::ENDPOINT)
}
