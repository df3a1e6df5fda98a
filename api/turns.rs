//! `/api/turns` on Vercel.

use memory_orchestrator::{endpoints, host};

fn main() -> Result<(), host::Error> {
    host::vercel::serve(&endpoints::turns::ENDPOINT)
}
