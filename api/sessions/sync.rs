//! `/api/sessions/sync` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::sync::ENDPOINT)
}
