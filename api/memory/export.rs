//! `/api/memory/export` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::memory_export::ENDPOINT)
}
