//! `/api/sessions` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::sessions::ENDPOINT)
}
