//! `/api/sessions`

mod backfill;
mod id;
mod index;
mod sync;
